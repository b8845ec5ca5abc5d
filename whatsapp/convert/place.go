package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"

	"whatsapp-api/store"
)

func readLocation(m *waE2E.Message, r *Reading) {
	x := m.GetLocationMessage()
	r.Type, r.Content.Location = TypeLocation, locationOf(x)
	r.Text = firstOf(x.GetName(), x.GetComment(), x.GetAddress())
	if x.GetIsLive() {
		r.Type = TypeLiveLocation
	}
}

// readLiveLocation reads the beginning of a live location. Each further position comes in the same
// form, so that the reading has both: the message, and the act that it is when one of its
// sender runs in the chat.
func readLiveLocation(m *waE2E.Message, r *Reading) {
	x := m.GetLiveLocationMessage()
	at := store.Location{
		Latitude: x.GetDegreesLatitude(), Longitude: x.GetDegreesLongitude(), Live: true, AccuracyMeters: count(x.GetAccuracyInMeters()),
		Speed: float64(x.GetSpeedInMps()), Sequence: x.GetSequenceNumber(),
	}
	moved := at
	r.Type, r.Text, r.Content.Location = TypeLiveLocation, x.GetCaption(), &at
	r.Act = &Act{Kind: ActMove, Location: &moved}
}

func locationOf(x *waE2E.LocationMessage) *store.Location {
	if x == nil {
		return nil
	}
	return &store.Location{
		Latitude: x.GetDegreesLatitude(), Longitude: x.GetDegreesLongitude(), Name: x.GetName(), Address: x.GetAddress(), URL: x.GetURL(),
		Live: x.GetIsLive(), AccuracyMeters: count(x.GetAccuracyInMeters()), Speed: float64(x.GetSpeedInMps()),
	}
}
