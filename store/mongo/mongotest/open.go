package mongotest

// Open starts a server for a program that is no test, with its data in a new folder of
// dir and a cache of the size that servers choose by themselves. The caller closes it.
func Open(dir string, replicaSet bool) (*Server, error) { return newServer(dir, replicaSet, "") }

// Close ends the server and removes its data.
func (s *Server) Close() error { return s.stop() }
