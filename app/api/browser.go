package api

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// cookieName is the cookie that holds the access token of a browser.
const cookieName = "whatsapp_api_token"

// tokenCookie is the cookie that keeps a browser logged in: out of reach of scripts, and never
// sent along from another site. With an empty token it takes the cookie away.
func tokenCookie(token string, expires time.Time, secure bool) string {
	c := http.Cookie{ //nolint:gosec // Secure follows the connection: without TLS it would lock everybody out
		Name: cookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure, Expires: expires,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

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
				return problem(http.StatusForbidden, "cross_origin", "A page of another site may not do this. FRONTEND_URL names the pages that may.", requestOf(c.Request().Context()))
			}
			return next(c)
		}
	}
}
