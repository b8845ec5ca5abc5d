package keys

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

const (
	flagPinned = 1 << iota
	flagArchived
)

// mutedForever stands for [wastore.MutedForever]; 0 is not muted.
const mutedForever = -1

// chatSettings is the value of a chat: format, flags, muted until in seconds.
type chatSettings struct {
	flags byte
	muted int64
}

func decodeChatSettings(raw []byte) (chatSettings, error) {
	if raw == nil {
		return chatSettings{}, nil
	}
	if len(raw) != 10 || raw[0] != format1 {
		return chatSettings{}, fmt.Errorf("%w: chat settings", ErrCorrupt)
	}
	return chatSettings{flags: raw[1], muted: int64(binary.BigEndian.Uint64(raw[2:]))}, nil
}

func (d *Device) putChatSettings(ctx context.Context, chat types.JID, put func(*chatSettings)) error {
	return d.update(ctx, deferred, func(c *change) error {
		raw, err := c.get(ctx, tableSettings, chat.String())
		if err != nil {
			return err
		}
		settings, err := decodeChatSettings(raw)
		if err != nil {
			return err
		}
		put(&settings)
		c.set(tableSettings, chat.String(),
			binary.BigEndian.AppendUint64([]byte{format1, settings.flags}, uint64(settings.muted)))
		return nil
	})
}

func setFlag(flags *byte, flag byte, on bool) {
	if *flags &^= flag; on {
		*flags |= flag
	}
}

func (s stores) PutMutedUntil(ctx context.Context, chat types.JID, until time.Time) error {
	return s.d.putChatSettings(ctx, chat, func(settings *chatSettings) {
		switch {
		case until.IsZero():
			settings.muted = 0
		case until.Equal(wastore.MutedForever):
			settings.muted = mutedForever
		default:
			settings.muted = until.Unix()
		}
	})
}

func (s stores) PutPinned(ctx context.Context, chat types.JID, pinned bool) error {
	return s.d.putChatSettings(ctx, chat, func(settings *chatSettings) { setFlag(&settings.flags, flagPinned, pinned) })
}

func (s stores) PutArchived(ctx context.Context, chat types.JID, archived bool) error {
	return s.d.putChatSettings(ctx, chat, func(settings *chatSettings) { setFlag(&settings.flags, flagArchived, archived) })
}

// GetChatSettings returns settings that are not found when there are none.
func (s stores) GetChatSettings(ctx context.Context, chat types.JID) (types.LocalChatSettings, error) {
	raw, err := s.d.get(ctx, tableSettings, chat.String())
	if err != nil || raw == nil {
		return types.LocalChatSettings{}, err
	}
	settings, err := decodeChatSettings(raw)
	if err != nil {
		return types.LocalChatSettings{}, err
	}
	out := types.LocalChatSettings{
		Found:    true,
		Pinned:   settings.flags&flagPinned != 0,
		Archived: settings.flags&flagArchived != 0,
	}
	switch {
	case settings.muted < 0:
		out.MutedUntil = wastore.MutedForever
	case settings.muted > 0:
		out.MutedUntil = time.Unix(settings.muted, 0)
	}
	return out, nil
}
