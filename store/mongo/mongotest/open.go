package mongotest

import (
	"errors"
	"os"
)

// Open starts a server for a program that is no test, with its data in a new folder of
// dir. The caller closes it.
func Open(dir string) (*Server, error) {
	mongod, err := Find()
	if err != nil {
		return nil, err
	}
	if dir, err = os.MkdirTemp(dir, "mongod-"); err != nil {
		return nil, err
	}
	s := &Server{mongod: mongod, dir: dir}
	if s.port, err = freePort(); err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// Close ends the server and removes its data.
func (s *Server) Close() error { return s.stop() }
