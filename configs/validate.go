package configs

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// MinSecret is the least length of JWT_SECRET, in bytes (RFC 7518 section 3.2: a key of
// the size of the hash output or larger).
const MinSecret = 32

// Validate names every fault of c at once. It returns a *Faults or nil.
func (c Config) Validate() error {
	f := &Faults{}
	c.checkServer(f)
	c.checkSecrets(f)
	c.checkNetworks(f)
	c.checkLimits(f)
	c.checkMedia(f)
	return f.orNil()
}

func (c Config) checkServer(f *Faults) {
	f.check(c.Port >= 0 && c.Port <= 65535, "PORT", "must be 0 to 65535")
	f.check(c.Host == "" || c.Host == "localhost" || net.ParseIP(c.Host) != nil, "HOST", "must be an IP address, localhost or empty")
	f.check(oneOf(c.AppEnv, Development, Production, Test), "APP_ENV", "must be development, production or test")
	f.check(oneOf(c.LogLevel, "debug", "info", "warn", "error"), "LOG_LEVEL", "must be debug, info, warn or error")
	f.check(oneOf(c.LogFormat, "", "json", "console"), "LOG_FORMAT", "must be json or console")
	f.check(c.DataDir != "" && !strings.ContainsRune(c.DataDir, 0), "DATA_DIR", "must be a folder")
	for _, o := range c.FrontendURL {
		u, err := url.Parse(o)
		good := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
			(u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" && u.User == nil
		f.check(good, "FRONTEND_URL", fmt.Sprintf("%q is not an origin such as https://app.example.com", o))
	}
}

func (c Config) checkSecrets(f *Faults) {
	if c.MongoDBURI != "" {
		good := strings.HasPrefix(string(c.MongoDBURI), "mongodb://") || strings.HasPrefix(string(c.MongoDBURI), "mongodb+srv://")
		f.check(good, "MONGODB_URI", "must begin with mongodb:// or mongodb+srv://")
	}
	f.check((c.AdminEmail == "") == (c.AdminPassword == ""), "ADMIN_EMAIL", "and ADMIN_PASSWORD go together")
	s := string(c.JWTSecret)
	if s == "" {
		return
	}
	if c.AppEnv == Production {
		f.check(len(s) >= MinSecret, "JWT_SECRET", fmt.Sprintf("needs %d bytes or more in production", MinSecret))
		f.check(!wellKnown(s), "JWT_SECRET", "is a well-known example value; choose a random one, or leave it empty and one is made")
	}
}

func (c Config) checkNetworks(f *Faults) {
	for setting, list := range map[string][]string{"WEBHOOK_ALLOWED_IPS": c.WebhookAllowedIPs, "TRUSTED_PROXIES": c.TrustedProxies} {
		for _, n := range list {
			_, errNet := netip.ParsePrefix(n)
			_, errIP := netip.ParseAddr(n)
			f.check(errNet == nil || errIP == nil, setting, fmt.Sprintf("%q is neither an address nor a network", n))
		}
	}
	for _, n := range c.WebhookPrivateTargets {
		_, err := netip.ParsePrefix(n)
		f.check(err == nil, "WEBHOOK_PRIVATE_TARGETS", fmt.Sprintf("%q is not a network such as 10.0.0.0/8", n))
	}
	if c.MetricsListen != "" {
		_, _, err := net.SplitHostPort(c.MetricsListen)
		f.check(err == nil, "METRICS_LISTEN", "must be an address with a port, such as 127.0.0.1:9090")
	}
	if c.SandboxListen != "" {
		host, _, err := net.SplitHostPort(c.SandboxListen)
		ip := net.ParseIP(host)
		f.check(err == nil && (host == "localhost" || ip != nil && ip.IsLoopback()), "SANDBOX_LISTEN", "must be a loopback address such as 127.0.0.1:8443")
	}
}

func (c Config) checkLimits(f *Faults) {
	f.check(c.TokenTTL >= time.Minute && c.TokenTTL <= 366*24*time.Hour, "TOKEN_TTL", "must be 1m to 8784h")
	f.check(c.StartConcurrency >= 1 && c.StartConcurrency <= 1000, "START_CONCURRENCY", "must be 1 to 1000")
	f.check(c.QRCodes >= 1 && c.QRCodes <= 1000, "QR_CODES", "must be 1 to 1000")
	f.check(c.SendTimeout >= time.Second && c.SendTimeout <= 5*time.Minute, "SEND_TIMEOUT", "must be 1s to 5m")
	f.check(c.QueueMaxAge >= time.Minute && c.QueueMaxAge <= 30*24*time.Hour, "QUEUE_MAX_AGE", "must be 1m to 720h")
	f.check(c.EventRetention >= time.Hour, "EVENT_RETENTION", "must be 1h or more")
	f.check(c.AuditRetention >= time.Hour, "AUDIT_RETENTION", "must be 1h or more")
	for setting, n := range map[string]int{
		"RATE_LIMIT": c.RateLimit, "SESSIONS_PER_USER": c.SessionsPerUser, "STREAMS_PER_USER": c.StreamsPerUser,
		"UNAUTHENTICATED_SOCKETS": c.Unauthenticated, "FRAMES_PER_SECOND": c.FramesPerSecond,
	} {
		f.check(n >= 0 && n <= 1_000_000, setting, "must be 0 to 1000000")
	}
	f.check(c.ShutdownGrace >= time.Second && c.ShutdownGrace <= 10*time.Minute, "SHUTDOWN_GRACE", "must be 1s to 10m")
}

func (c Config) checkMedia(f *Faults) {
	f.check(c.MediaRetention == 0 || c.MediaRetention >= time.Hour, "MEDIA_RETENTION", "must be 0 or 1h or more")
	f.check(!strings.ContainsRune(c.MediaDir, 0), "MEDIA_DIR", "must be a folder")
	given := c.S3Endpoint != ""
	for setting, value := range map[string]string{"S3_BUCKET": c.S3Bucket, "S3_ACCESS_KEY": string(c.S3AccessKey), "S3_SECRET_KEY": string(c.S3SecretKey)} {
		f.check(given == (value != ""), setting, "and S3_ENDPOINT go together")
	}
	if given {
		u, err := url.Parse(c.S3Endpoint)
		good := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.User == nil
		f.check(good, "S3_ENDPOINT", "must be an address such as https://s3.example.com")
		f.check(c.MediaDir == "", "MEDIA_DIR", "and S3_ENDPOINT exclude each other")
	}
	f.check(c.S3Prefix == "" || strings.HasSuffix(c.S3Prefix, "/") && !strings.HasPrefix(c.S3Prefix, "/"), "S3_PREFIX", "must end with a slash, and not begin with one")
}

func oneOf(s string, all ...string) bool { return slices.Contains(all, s) }

// wellKnown says whether a secret stands in many examples, so that anyone could guess it.
func wellKnown(s string) bool {
	l := strings.ToLower(s)
	for _, w := range []string{"changeme", "change-me", "change_me", "your-secret", "your_jwt_secret", "your-super-secret", "supersecret", "default", "example"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return strings.Count(s, s[:1]) == len(s)
}
