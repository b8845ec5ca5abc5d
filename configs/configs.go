package configs

import (
	"net"
	"time"
)

// Secret is a setting that is never printed.
type Secret string

// String hides the value; it says only whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// MarshalText hides the value from encoders too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Environments in which the server runs.
const (
	Development = "development"
	Production  = "production"
	Test        = "test"
)

// Config holds all settings. The tag name is the setting's name, doc says what it is for.
type Config struct {
	Host   string `name:"HOST" doc:"Address to listen on; empty: all addresses, loopback in sandbox mode"`
	Port   int    `name:"PORT" doc:"HTTP port; 0 takes a free one"`
	AppEnv string `name:"APP_ENV" alias:"NODE_ENV" doc:"development, production or test; production refuses weak secrets"`

	DataDir    string `name:"DATA_DIR" doc:"Folder for the SQLite file and the sandbox"`
	MongoDBURI Secret `name:"MONGODB_URI" doc:"MongoDB connection string; empty: the embedded SQLite file. Database whatsapp_api unless the string names one"`

	MediaDir       string        `name:"MEDIA_DIR" doc:"Folder for files; empty: media in DATA_DIR. On MongoDB files are in the database (GridFS), with S3_ENDPOINT in a bucket"`
	MediaRetention time.Duration `name:"MEDIA_RETENTION" doc:"How long a file is kept after it was needed last, e.g. 2160h; 0: for ever"`
	S3Endpoint     string        `name:"S3_ENDPOINT" doc:"S3-compatible server that keeps the files, e.g. https://s3.example.com; needs S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY"`
	S3Bucket       string        `name:"S3_BUCKET" doc:"Bucket for the files, which must be there"`
	S3AccessKey    Secret        `name:"S3_ACCESS_KEY" doc:"Access key of the bucket"`
	S3SecretKey    Secret        `name:"S3_SECRET_KEY" doc:"Secret key of the bucket"`
	S3Region       string        `name:"S3_REGION" doc:"Region of the bucket; empty: the server is asked"`
	S3Prefix       string        `name:"S3_PREFIX" doc:"Beginning of all names in the bucket, e.g. whatsapp/"`

	JWTSecret     Secret        `name:"JWT_SECRET" doc:"Signs access tokens, 32 bytes or more; empty: made once and kept in the store"`
	TokenTTL      time.Duration `name:"TOKEN_TTL" doc:"How long an access token is good, e.g. 24h"`
	AdminEmail    string        `name:"ADMIN_EMAIL" doc:"With ADMIN_PASSWORD: the first admin, made at the start when there is none; an existing one is never changed"`
	AdminPassword Secret        `name:"ADMIN_PASSWORD" doc:"Of the first admin, 10 characters or more"`

	FrontendURL []string `name:"FRONTEND_URL" doc:"Origins of browser front ends that may call (CORS), comma-separated"`

	TrustedProxies []string `name:"TRUSTED_PROXIES" doc:"Addresses or networks (CIDR) of the reverse proxies in front, comma-separated. Their X-Forwarded-For and X-Forwarded-Proto are believed, nobody else's"`

	LogLevel  string `name:"LOG_LEVEL" doc:"debug, info, warn or error"`
	LogFormat string `name:"LOG_FORMAT" doc:"json or console; empty: console on a terminal, else json"`

	MetricsListen string `name:"METRICS_LISTEN" doc:"Address that serves /metrics without a key, e.g. 127.0.0.1:9090; empty: only with an admin's token or key on the HTTP port"`

	SandboxListen string `name:"SANDBOX_LISTEN" doc:"Loopback address of the sandbox's WhatsApp side in serve --sandbox; empty: a free port"`

	StartConcurrency int           `name:"START_CONCURRENCY" doc:"How many sessions connect at once when the server starts"`
	QRCodes          int           `name:"QR_CODES" doc:"How many QR codes a pairing shows before it gives up"`
	SendTimeout      time.Duration `name:"SEND_TIMEOUT" doc:"How long a send waits for WhatsApp's acknowledgement"`
	QueueMaxAge      time.Duration `name:"QUEUE_MAX_AGE" doc:"How old a message may be that was not acknowledged and is sent again when WhatsApp is back; an older one has failed"`
	EventRetention   time.Duration `name:"EVENT_RETENTION" doc:"How long events stay readable with after=, e.g. 720h"`
	AuditRetention   time.Duration `name:"AUDIT_RETENTION" doc:"How long the audit log is kept, e.g. 2160h"`
	RateLimit        int           `name:"RATE_LIMIT" doc:"Calls per second of one user or API key; four times as many from one address; 0: without limit"`
	SessionsPerUser  int           `name:"SESSIONS_PER_USER" doc:"How many sessions one user may have; 0: without limit"`
	StreamsPerUser   int           `name:"STREAMS_PER_USER" doc:"How many streams (WebSocket, Socket.IO, Server-Sent Events) one user may have open; 0: without limit"`
	Unauthenticated  int           `name:"UNAUTHENTICATED_SOCKETS" doc:"How many sockets may be open that have not brought a token yet; 0: without limit"`
	FramesPerSecond  int           `name:"FRAMES_PER_SECOND" doc:"How many frames per second are taken from one socket; further ones wait; 0: without limit"`
	ShutdownGrace    time.Duration `name:"SHUTDOWN_GRACE" doc:"How long a stop waits for what is under way"`

	WebhookToken          Secret   `name:"WEBHOOK_TOKEN" doc:"HMAC secret of an external service that posts to /messages/webhook"`
	WebhookAllowedIPs     []string `name:"WEBHOOK_ALLOWED_IPS" doc:"Addresses or networks (CIDR) that may post to /messages/webhook, comma-separated"`
	WebhookPrivateTargets []string `name:"WEBHOOK_PRIVATE_TARGETS" doc:"Private networks (CIDR) that outgoing webhooks may reach, comma-separated"`

	WhatsAppServiceURL string `name:"WHATSAPP_SERVICE_URL" doc:"Accepted for compatibility and not needed: WhatsApp is inside this process"`
}

// Default returns the settings of a server that nobody configured.
func Default() Config {
	return Config{
		Port:             3000,
		AppEnv:           Development,
		DataDir:          "./data",
		TokenTTL:         24 * time.Hour,
		LogLevel:         "info",
		StartConcurrency: 8,
		QRCodes:          30,
		SendTimeout:      30 * time.Second,
		QueueMaxAge:      24 * time.Hour,
		EventRetention:   30 * 24 * time.Hour,
		AuditRetention:   90 * 24 * time.Hour,
		RateLimit:        1000,
		SessionsPerUser:  5000,
		StreamsPerUser:   5000,
		Unauthenticated:  1000,
		FramesPerSecond:  50,
		ShutdownGrace:    20 * time.Second,
	}
}

// Loopback says whether the server listens where only this machine reaches it.
func (c Config) Loopback() bool {
	if c.Host == "localhost" {
		return true
	}
	ip := net.ParseIP(c.Host)
	return ip != nil && ip.IsLoopback()
}
