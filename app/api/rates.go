package api

import (
	"fmt"
	"math"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"whatsapp-api/app/service"
)

// limitAddress lets an address make so many calls and no more.
func (a *API) limitAddress(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := a.Rates.TakeAddress(AddressOf(c.Request().Context())); err != nil {
			return err
		}
		return next(c)
	}
}

// paced takes one call of the caller, and tells how many are left (RateLimit header fields for
// HTTP, draft-ietf-httpapi-ratelimit-headers).
func (a *API) paced(ctx huma.Context, who service.Caller) error {
	id := who.User.ID
	if who.Key != nil {
		id = who.Key.ID
	}
	q, err := a.Rates.TakeCaller(id)
	if q.Limit > 0 {
		reset := int(math.Ceil(q.Reset.Seconds()))
		ctx.SetHeader("RateLimit-Policy", fmt.Sprintf(`"calls";q=%d;w=2`, q.Limit))
		ctx.SetHeader("RateLimit", fmt.Sprintf(`"calls";r=%d;t=%d`, q.Remaining, reset))
	}
	return err
}
