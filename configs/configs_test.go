package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func source(list []Setting, name string) string {
	for _, s := range list {
		if s.Name == name {
			return s.Source
		}
	}
	return "missing"
}

func TestNothingIsNeeded(t *testing.T) {
	c, list, err := Load(Sources{})
	require.NoError(t, err)
	require.Equal(t, Default(), c)
	require.Equal(t, "default", source(list, "PORT"))
	c, _, err = Load(Sources{Sandbox: true})
	require.NoError(t, err)
	require.True(t, c.Loopback())
	require.False(t, Default().Loopback())
}

func TestStrengthOfSources(t *testing.T) {
	yaml := write(t, "c.yaml", "port: 1\nlog_level: warn\ndata_dir: /yaml\nhost: 127.0.0.1\nfrontend_url: [https://a.example, https://b.example/]\n")
	dotenv := write(t, ".env", "PORT=2\nLOG_LEVEL=error\nDATA_DIR=/dotenv\n")
	c, list, err := Load(Sources{
		Flags: map[string]string{"PORT": "4"}, Env: env("PORT", "3", "LOG_LEVEL", "debug", "NODE_ENV", "production", "LOG_FORMAT", ""), DotEnv: dotenv, File: yaml,
	})
	require.NoError(t, err)
	require.Equal(t, 4, c.Port)
	require.Equal(t, "debug", c.LogLevel)
	require.Equal(t, "/dotenv", c.DataDir)
	require.Equal(t, "127.0.0.1", c.Host)
	require.Equal(t, Production, c.AppEnv)
	require.Equal(t, []string{"https://a.example", "https://b.example"}, c.FrontendURL)
	require.Equal(t, "flag", source(list, "PORT"))
	require.Equal(t, "environment", source(list, "LOG_LEVEL"))
	require.Equal(t, ".env", source(list, "DATA_DIR"))
	require.Equal(t, yaml, source(list, "HOST"))
	require.Equal(t, "default", source(list, "LOG_FORMAT"), "an empty variable is not set")
}

func TestEveryFaultAtOnce(t *testing.T) {
	yaml := write(t, "c.yaml", "prot: 1\nport: many\n")
	dotenv := write(t, ".env", "PROT=2\nTOKEN_TTL=soon\n")
	_, _, err := Load(Sources{Env: env("APP_ENV", "prod", "MONGODB_URI", "postgres://x", "FRONTEND_URL", "app.example.com", "HOST", "everywhere"), DotEnv: dotenv, File: yaml})
	require.Error(t, err)
	for _, part := range []string{"PROT", "PORT", "TOKEN_TTL", "APP_ENV", "MONGODB_URI", "FRONTEND_URL", "HOST", yaml, ".env"} {
		require.Contains(t, err.Error(), part)
	}
	require.NotContains(t, err.Error(), "postgres://x", "a connection string may hold a password")
	_, _, err = Load(Sources{File: filepath.Join(t.TempDir(), "missing.yaml")})
	require.ErrorContains(t, err, "missing.yaml")
	_, _, err = Load(Sources{File: write(t, "bad.yaml", ": : :")})
	require.ErrorContains(t, err, "bad.yaml")
	_, _, err = Load(Sources{File: write(t, "group.yaml", "http:\n  port: 1\n")})
	require.ErrorContains(t, err, "http")
}

func TestWeakSecrets(t *testing.T) {
	strong := strings.Repeat("k3", 20)
	for secret, good := range map[string]bool{
		"": true, strong: true, "short": false, "your-super-secret-jwt-key-change-in-production": false, strings.Repeat("a", 40): false,
	} {
		_, _, err := Load(Sources{Env: env("APP_ENV", "production", "JWT_SECRET", secret)})
		require.Equal(t, good, err == nil, "%q: %v", secret, err)
		if err != nil && secret != "" {
			require.NotContains(t, err.Error(), secret)
		}
	}
	_, _, err := Load(Sources{Env: env("JWT_SECRET", "short")})
	require.NoError(t, err, "a developer may")
}

func TestSecretsAreMasked(t *testing.T) {
	c, list, err := Load(Sources{Env: env("JWT_SECRET", "do not show this one", "WHATSAPP_SERVICE_URL", "http://old")})
	require.NoError(t, err)
	require.Equal(t, "(secret)", c.JWTSecret.String())
	for _, s := range list {
		require.NotContains(t, s.Value, "do not show")
		if s.Name == "WHATSAPP_SERVICE_URL" {
			require.Contains(t, s.Note, "not needed")
		}
	}
}

func TestLimits(t *testing.T) {
	for _, bad := range [][2]string{
		{"PORT", "70000"},
		{"PORT", "-1"},
		{"TOKEN_TTL", "1s"},
		{"START_CONCURRENCY", "0"},
		{"QR_CODES", "0"},
		{"SEND_TIMEOUT", "0s"},
		{"EVENT_RETENTION", "1m"},
		{"SHUTDOWN_GRACE", "0s"},
		{"SANDBOX_LISTEN", "0.0.0.0:1"},
		{"WEBHOOK_ALLOWED_IPS", "somewhere"},
		{"TRUSTED_PROXIES", "10.0.0.0/33"},
		{"WEBHOOK_PRIVATE_TARGETS", "10.0.0.1"},
		{"FRONTEND_URL", "https://a.example/path"},
		{"LOG_LEVEL", "loud"},
		{"LOG_FORMAT", "xml"},
	} {
		_, _, err := Load(Sources{Env: env(bad[0], bad[1])})
		require.ErrorContains(t, err, bad[0], "%v", bad)
	}
	c, _, err := Load(Sources{Env: env("TOKEN_TTL", "90m", "WEBHOOK_ALLOWED_IPS", "10.0.0.1, 192.168.0.0/16")})
	require.NoError(t, err)
	require.Equal(t, 90*time.Minute, c.TokenTTL)
	require.Len(t, c.WebhookAllowedIPs, 2)
}

func TestExampleIsUpToDateAndLoads(t *testing.T) {
	raw, err := os.ReadFile("example.yaml")
	require.NoError(t, err)
	require.Equal(t, Example(), string(raw), "make it anew: task gen")
	plain := strings.ReplaceAll(string(raw), "\n# ", "\n")
	var lines []string
	for line := range strings.Lines(plain) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && strings.ToLower(name) == name && !strings.Contains(name, " ") && strings.TrimSpace(value) != "" {
			lines = append(lines, line)
		}
	}
	_, _, err = Load(Sources{File: write(t, "c.yaml", strings.Join(lines, ""))})
	require.NoError(t, err)
}

func TestForeignNamesInDotEnv(t *testing.T) {
	dotenv := write(t, ".env", "PORT=2\nCOMPOSE_PROJECT_NAME=x\nTZ=Europe/Madrid\nPOSTGRES_PASSWORD=do not show\n")
	c, list, err := Load(Sources{DotEnv: dotenv})
	require.NoError(t, err)
	require.Equal(t, 2, c.Port)
	var unknown []string
	for _, s := range list {
		if s.Unknown {
			require.NotEmpty(t, s.Note)
			require.Empty(t, s.Value)
			unknown = append(unknown, s.Name)
		}
	}
	require.Equal(t, []string{"COMPOSE_PROJECT_NAME", "POSTGRES_PASSWORD", "TZ"}, unknown)
	_, _, err = Load(Sources{File: write(t, "c.yaml", "tz: x\n")})
	require.ErrorContains(t, err, "TZ")
}

func TestSecretsFromFiles(t *testing.T) {
	file := write(t, "secret", "the secret of a file\r\n")
	yaml := write(t, "c.yaml", "webhook_token_file: "+file+"\n")
	dotenv := write(t, ".env", "ADMIN_PASSWORD_FILE="+file+"\n")
	c, list, err := Load(Sources{Flags: map[string]string{"MONGODB_URI_FILE": write(t, "uri", "mongodb://x")}, Env: env("JWT_SECRET_FILE", file, "ADMIN_EMAIL", "a@example.com"), DotEnv: dotenv, File: yaml})
	require.NoError(t, err)
	for _, s := range []Secret{c.JWTSecret, c.WebhookToken, c.AdminPassword} {
		require.Equal(t, Secret("the secret of a file"), s)
	}
	require.Equal(t, Secret("mongodb://x"), c.MongoDBURI)
	require.Equal(t, "file (environment)", source(list, "JWT_SECRET"))
	c, _, err = Load(Sources{Env: env("JWT_SECRET", "of the environment"), File: write(t, "d.yaml", "jwt_secret_file: "+file+"\n")})
	require.NoError(t, err)
	require.Equal(t, Secret("of the environment"), c.JWTSecret, "the stronger source wins")
	for _, bad := range [][]string{
		{"JWT_SECRET", "x", "JWT_SECRET_FILE", file},
		{"JWT_SECRET_FILE", "/nowhere/at/all"},
		{"JWT_SECRET_FILE", write(t, "empty", "\n")},
		{"ADMIN_EMAIL", "a@example.com"},
		{"ADMIN_PASSWORD", "a long password"},
	} {
		_, _, err := Load(Sources{Env: env(bad...)})
		require.ErrorContains(t, err, strings.TrimSuffix(bad[0], "_FILE")[:5])
	}
}
