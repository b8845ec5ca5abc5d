package sandbox

import "sync/atomic"

// counters count since the server was opened.
type counters struct {
	opened, framesIn, framesOut    atomic.Uint64
	messagesIn, messagesOut, ended atomic.Uint64
	unanswered                     unanswered
}

// Stats is what the server has done since it was opened, and what it waits
// for. It is also the JSON of GET /sandbox/stats.
type Stats struct {
	Phones            int    `json:"phones"`
	Devices           int    `json:"devices" doc:"Linked companions"`
	Connections       int    `json:"connections" doc:"Open now"`
	ConnectionsOpened uint64 `json:"connectionsOpened" doc:"Since the start"`
	FramesIn          uint64 `json:"framesIn"`
	FramesOut         uint64 `json:"framesOut"`
	MessagesIn        uint64 `json:"messagesIn" doc:"Stanzas from clients, resent ones too"`
	MessagesOut       uint64 `json:"messagesOut" doc:"Stanzas to clients, redelivered ones too"`
	Ended             uint64 `json:"ended" doc:"Stanzas that clients and phones have acknowledged"`
	AcksOutstanding   int    `json:"acksOutstanding" doc:"Stanzas queued for companions and not acknowledged"`

	Unanswered map[string]uint64 `json:"unanswered" doc:"What clients wanted and the server does not know, as namespace/tag: queries got an empty answer, and what was to be set was refused"`
}

// Stats counts.
func (s *Server) Stats() Stats {
	st := Stats{
		ConnectionsOpened: s.stats.opened.Load(),
		FramesIn:          s.stats.framesIn.Load(), FramesOut: s.stats.framesOut.Load(),
		MessagesIn: s.stats.messagesIn.Load(), MessagesOut: s.stats.messagesOut.Load(),
		Ended: s.stats.ended.Load(), Unanswered: s.stats.unanswered.list(),
	}
	s.mu.RLock()
	st.Connections = len(s.conns)
	s.mu.RUnlock()
	for _, p := range s.Phones() {
		st.Phones++
		st.Devices += len(p.account.companions())
		st.AcksOutstanding += p.Waiting()
	}
	return st
}
