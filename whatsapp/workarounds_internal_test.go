package whatsapp

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow"
	wastore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// TestForgotten asks a client that has no socket: whatsmeow must say that it is not connected.
func TestForgotten(t *testing.T) {
	c := &conn{client: whatsmeow.NewClient(&wastore.Device{}, nil), ctx: t.Context()}
	require.True(t, c.forgotten())
}

// deletes is a container that counts what is deleted.
type deletes struct {
	wastore.DeviceContainer
	n int
}

func (d *deletes) DeleteDevice(context.Context, *wastore.Device) error {
	d.n++
	return nil
}

// TestTheClientDoesNotDeleteItsDevice deletes a device as whatsmeow does when it was logged out.
func TestTheClientDoesNotDeleteItsDevice(t *testing.T) {
	own := types.NewJID("34600000000", types.DefaultUserServer)
	d := &deletes{}
	device := &wastore.Device{ID: &own, Container: container{d}}
	require.ErrorIs(t, device.Delete(t.Context()), errLeft)
	require.Zero(t, d.n)
	require.False(t, device.Deleted)
	require.NotNil(t, device.ID)
	device.Container = d
	require.NoError(t, device.Delete(t.Context()))
	require.True(t, device.Deleted, "without the container it would be")
}

func TestRefusalCode(t *testing.T) {
	code, ok := refusalCode(fmt.Errorf("%w %d", whatsmeow.ErrServerReturnedError, 463))
	require.True(t, ok)
	require.Equal(t, 463, code)
	_, ok = refusalCode(whatsmeow.ErrServerReturnedError)
	require.False(t, ok)
}
