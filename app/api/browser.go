package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"whatsapp-api/app/codes"
)

// TokenCookie is the cookie that holds the access token of a browser.
const TokenCookie = "whatsapp_api_token"

// sameOrigin refuses calls that a page of another site makes in a browser's name (CSRF): by
// Sec-Fetch-Site and Origin, which scripts cannot forge. Pages of the configured front ends
// may call, and so may whatever is no browser.
func (a *API) sameOrigin() echo.MiddlewareFunc {
	guard := http.NewCrossOriginProtection()
	for _, o := range a.Origins {
		if err := guard.AddTrustedOrigin(o); err != nil {
			a.Logger.Error("FRONTEND_URL has an origin that cannot be trusted")
		}
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := guard.Check(c.Request()); err != nil {
				return NewProblem(codes.CrossOrigin, "")
			}
			return next(c)
		}
	}
}

// OwnPage says whether a browser's page may connect: one of this server, or of origins. What is no
// browser sends no Origin.
func OwnPage(origins []string, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(strings.TrimSuffix(o, "/"), origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}
