package whatsapp

import (
	"bytes"
	"compress/zlib"
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waHistorySync"
	"go.mau.fi/whatsmeow/proto/waWeb"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.uber.org/zap"
	"google.golang.org/protobuf/proto"
)

// putting counts secrets.
type putting struct {
	wastore.MsgSecretStore
	mu  sync.Mutex
	put int
}

func (p *putting) PutMessageSecrets(_ context.Context, inserts []wastore.MessageSecretInsert) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put += len(inserts)
	return nil
}

// TestSecretsOfAHistoryAreLeftOut reads a history through whatsmeow: it must hand the context in
// which it is called on to the store, or the secrets in it are kept.
func TestSecretsOfAHistoryAreLeftOut(t *testing.T) {
	raw, err := proto.Marshal(&waHistorySync.HistorySync{
		SyncType: waHistorySync.HistorySync_INITIAL_BOOTSTRAP.Enum(),
		Conversations: []*waHistorySync.Conversation{{
			ID: proto.String("34600000001@s.whatsapp.net"),
			Messages: []*waHistorySync.HistorySyncMsg{{Message: &waWeb.WebMessageInfo{
				Key: &waCommon.MessageKey{ID: proto.String("3EB0OLD"), FromMe: proto.Bool(true)}, MessageSecret: make([]byte, 32),
			}}},
		}},
	})
	require.NoError(t, err)
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	_, err = z.Write(raw)
	require.NoError(t, err)
	require.NoError(t, z.Close())

	p := &putting{}
	own := types.NewJID("34600000000", types.DefaultUserServer)
	device := &wastore.Device{ID: &own, MsgSecrets: secrets{p}, LIDs: wastore.NoopDevice.LIDs}
	c := &conn{s: &Session{log: zap.NewNop()}, client: whatsmeow.NewClient(device, nil), ctx: t.Context()}
	n := &waE2E.HistorySyncNotification{InitialHistBootstrapInlinePayload: packed.Bytes()}
	require.NoError(t, c.download(t.Context(), n))
	require.Zero(t, p.put)
	_, err = c.client.DownloadHistorySync(t.Context(), n, true)
	require.NoError(t, err)
	require.Equal(t, 1, p.put, "without the mark it would be kept")
}
