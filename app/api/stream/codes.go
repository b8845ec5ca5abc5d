package stream

import "whatsapp-api/app/codes"

// followFails is what may be wrong with whoever wants to follow events.
func followFails() []codes.Code {
	return []codes.Code{
		codes.Unauthorized, codes.AddressNotAllowed, codes.ScopeMissing, codes.StoreUnavailable, codes.Stopping, codes.Unavailable,
	}
}
