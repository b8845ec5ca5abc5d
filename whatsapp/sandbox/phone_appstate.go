package sandbox

import (
	"bytes"
	"context"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/proto/waServerSync"
	"go.mau.fi/whatsmeow/store"
	waLog "go.mau.fi/whatsmeow/util/log"
	"google.golang.org/protobuf/proto"
)

// appStateView is the little that the app state's cipher wants to have stored:
// one key, and the signatures of values by those of their indexes.
type appStateView struct {
	store.NoopStore
	record *phoneRecord
	macs   map[string][]byte
}

func (v *appStateView) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	if !bytes.Equal(id, v.record.AppKeyID) {
		return nil, nil
	}
	return &store.AppStateSyncKey{Data: v.record.AppKey, Timestamp: v.record.AppKeyTime}, nil
}

func (v *appStateView) PutAppStateMutationMACs(_ context.Context, _ string, _ uint64, list []store.AppStateMutationMAC) error {
	for _, m := range list {
		v.macs[string(m.IndexMAC)] = m.ValueMAC
	}
	return nil
}

func (v *appStateView) DeleteAppStateMutationMACs(_ context.Context, _ string, list [][]byte) error {
	for _, m := range list {
		delete(v.macs, string(m))
	}
	return nil
}

func (v *appStateView) GetAppStateMutationMAC(_ context.Context, _ string, index []byte) ([]byte, error) {
	return v.macs[string(index)], nil
}

// writeAppState adds a patch of the phone's own to a collection. Companions
// write there too, so the phone reads everything that is there first: a patch is
// signed together with the state it leads to. untold is not notified. The
// caller holds p.mu.
func (p *Phone) writeAppState(c *change, patch appstate.PatchInfo, untold *device) error {
	view := &appStateView{record: &p.record, macs: make(map[string][]byte)}
	cipher := appstate.NewProcessor(&store.Device{AppStateKeys: view, AppState: view}, waLog.Noop)
	name := string(patch.Type)
	a := p.account
	c.hold(&a.patching)
	a.mu.Lock()
	defer a.mu.Unlock()
	list := &appstate.PatchList{Name: patch.Type}
	for _, raw := range a.patches[name] {
		var stored waServerSync.SyncdPatch
		if err := proto.Unmarshal(raw, &stored); err != nil {
			return errOwnPatch(name, err)
		}
		list.Patches = append(list.Patches, &stored)
	}
	_, state, err := cipher.DecodePatches(p.server.ctx, list, appstate.HashState{}, true)
	if err != nil {
		return errOwnPatch(name, err)
	}
	raw, err := cipher.EncodePatch(p.server.ctx, p.record.AppKeyID, state, patch)
	if err != nil {
		return errOwnPatch(name, err)
	}
	if err := p.server.addPatch(c, a, name, raw, untold); err != nil {
		return errOwnPatch(name, err)
	}
	return nil
}
