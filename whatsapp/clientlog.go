package whatsapp

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"go.mau.fi/libsignal/logger"
	waBinary "go.mau.fi/whatsmeow/binary"
	waLog "go.mau.fi/whatsmeow/util/log"
	"go.uber.org/zap"
)

// clientLog gives whatsmeow a logger that writes to zap. whatsmeow's debug lines hold whole
// stanzas, so they are dropped; in the others every long row of digits (a phone number, a
// LID) is cut to its last four.
type clientLog struct {
	log     *zap.Logger
	backlog *backlog
}

var longDigits = regexp.MustCompile(`\d{3,}(\d{4})`)

func (l clientLog) Debugf(string, ...any) {}

func (l clientLog) Infof(format string, args ...any) { l.log.Debug("whatsmeow", text(format, args)) }

func (l clientLog) Warnf(format string, args ...any) {
	l.log.Info("whatsmeow warns", text(format, args))
}

func (l clientLog) Errorf(format string, args ...any) {
	if strings.HasPrefix(format, "Error reading from websocket") { // that a connection ends is told as a change of state
		l.Infof(format, args...)
		return
	}
	l.log.Warn("whatsmeow fails", text(format, args))
}

// Sub gives the logger of a part of whatsmeow. Its "Recv" and "Send" tell of every stanza.
func (l clientLog) Sub(module string) waLog.Logger {
	sub := clientLog{l.log.Named(module), l.backlog}
	switch module {
	case "Recv":
		return stanzaLog{sub, func(n *waBinary.Node) {
			mark(n)
			l.backlog.came(n)
		}}
	case "Send":
		return stanzaLog{sub, l.backlog.answered}
	}
	return sub
}

// silenced is libsignal's logger: its own, made on first use without a lock, prints to
// standard output.
type silenced struct{}

func (silenced) Debug(string, string)   {}
func (silenced) Info(string, string)    {}
func (silenced) Warning(string, string) {}
func (silenced) Error(string, string)   {}
func (silenced) Configure(string)       {}

// silence is called before the first client is made.
var silence = sync.OnceFunc(func() {
	if logger.Logger == nil {
		var quiet logger.Loggable = silenced{}
		logger.Setup(&quiet)
	}
})

func text(format string, args []any) zap.Field {
	const most = 500
	s := longDigits.ReplaceAllString(fmt.Sprintf(format, args...), "…$1")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return zap.String("detail", s)
}
