package whatsapp

import (
	"fmt"
	"regexp"

	waLog "go.mau.fi/whatsmeow/util/log"
	"go.uber.org/zap"
)

// clientLog gives whatsmeow a logger that writes to zap. whatsmeow's debug lines hold whole
// stanzas, so they are dropped; in the others every long row of digits (a phone number, a
// LID) is cut to its last four.
type clientLog struct{ log *zap.Logger }

var longDigits = regexp.MustCompile(`\d{3,}(\d{4})`)

func (l clientLog) Debugf(string, ...any) {}

func (l clientLog) Infof(format string, args ...any) { l.log.Debug("whatsmeow", text(format, args)) }

func (l clientLog) Warnf(format string, args ...any) {
	l.log.Info("whatsmeow warns", text(format, args))
}

func (l clientLog) Errorf(format string, args ...any) {
	l.log.Warn("whatsmeow fails", text(format, args))
}

func (l clientLog) Sub(module string) waLog.Logger { return clientLog{l.log.Named(module)} }

func text(format string, args []any) zap.Field {
	const most = 500
	s := longDigits.ReplaceAllString(fmt.Sprintf(format, args...), "…$1")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return zap.String("detail", s)
}
