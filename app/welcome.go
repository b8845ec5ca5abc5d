package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"go.uber.org/zap"

	"whatsapp-api/app/service"
	"whatsapp-api/app/service/account"
	"whatsapp-api/configs"
	"whatsapp-api/store"
)

// The sandbox's first admin.
const (
	sandboxEmail    = "admin@sandbox.test"
	sandboxPassword = "sandbox-admin"
)

// welcome sees to it that somebody can log in, and says how to go on.
func (a *App) welcome(ctx context.Context, opt Options) error {
	n, err := a.store.Users().CountActiveAdmins(ctx)
	if err != nil {
		return fmt.Errorf("count admins: %w", err)
	}
	if n == 0 && a.cfg.AdminEmail != "" {
		n = 1
		if err := a.firstAdmin(ctx); err != nil {
			return err
		}
	}
	if !opt.Sandbox {
		if n == 0 {
			a.log.Warn("there is no admin yet; create one with: whatsapp-api create-admin --email you@example.com")
		}
		return nil
	}
	password := sandboxPassword
	if n == 0 {
		if !a.loopback() {
			password = rand.Text()
		}
		accounts := account.NewAccounts(a.store.Users(), account.NewTokens(a.store.Tokens(), a.store.Users(), nil, 0), a.log.Named("users"))
		if _, err := accounts.Create(ctx, account.NewUser{Email: sandboxEmail, Name: "Sandbox admin", Password: password, Role: store.RoleAdmin}); err != nil {
			return fmt.Errorf("create the sandbox's admin: %w", err)
		}
		if password != sandboxPassword {
			fmt.Fprintf(os.Stdout, "The sandbox's admin: %s, password %s (shown once)\n", sandboxEmail, password)
		}
	}
	a.hints()
	return nil
}

// firstAdmin makes the admin of ADMIN_EMAIL. A user who has this email already stays as he is.
func (a *App) firstAdmin(ctx context.Context) error {
	email := a.cfg.AdminEmail
	name, _, _ := strings.Cut(email, "@")
	accounts := account.NewAccounts(a.store.Users(), account.NewTokens(a.store.Tokens(), a.store.Users(), nil, 0), a.log.Named("users"))
	_, err := accounts.Create(ctx, account.NewUser{Email: email, Name: name, Password: string(a.cfg.AdminPassword), Role: store.RoleAdmin})
	var wrong service.Invalid
	switch {
	case errors.Is(err, account.ErrEmailTaken):
		a.log.Warn("ADMIN_EMAIL belongs to a user who is no active admin, and stays so")
		return nil
	case errors.As(err, &wrong) && wrong["password"] != "":
		return fmt.Errorf("ADMIN_PASSWORD: %s", wrong["password"])
	case err != nil:
		return fmt.Errorf("ADMIN_EMAIL: %w", err)
	}
	return nil
}

// loopback says whether the HTTP server listens where only this machine reaches it.
func (a *App) loopback() bool {
	host, _, err := net.SplitHostPort(a.Addr())
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// hints prints the lines to try next.
func (a *App) hints() {
	url := "http://" + a.Addr()
	if _, port, err := net.SplitHostPort(a.Addr()); err == nil && !a.loopback() {
		url = "http://127.0.0.1:" + port
	}
	fmt.Fprint(os.Stdout, strings.ReplaceAll(`
The sandbox is ready: a WhatsApp of its own, without phone and without internet. Try:

  TOKEN=$(curl -s $URL/api/v1/users/login -H 'Content-Type: application/json' -d '{"email":"`+sandboxEmail+`","password":"`+sandboxPassword+`"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -s $URL/api/v1/sessions -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"id":"shop","name":"Shop"}'
  curl -s "$URL/api/v1/sessions/shop/qr?format=raw&wait=20" -H "Authorization: Bearer $TOKEN" -o qr.txt
  curl -s $URL/sandbox/phones -H 'Content-Type: application/json' -d '{"phone":"34600000001","name":"Ana"}'
  curl -s $URL/sandbox/phones/34600000001/scan -H 'Content-Type: application/json' -d "{\"qr\":\"$(cat qr.txt)\"}"

The API is described at $URL/docs

`, "$URL", url))
}

// CreateAdmin makes an admin in the store that cfg names, also while a server runs on it.
func CreateAdmin(ctx context.Context, cfg configs.Config, sandbox bool, email, name, password string, log *zap.Logger) (store.User, error) {
	st, err := openStore(ctx, cfg, Options{Sandbox: sandbox}, log)
	if err != nil {
		return store.User{}, err
	}
	defer func() {
		if err := st.Close(); err != nil {
			log.Error("store not closed cleanly", zap.Error(err))
		}
	}()
	accounts := account.NewAccounts(st.Users(), account.NewTokens(st.Tokens(), st.Users(), nil, 0), log.Named("users"))
	return accounts.Create(ctx, account.NewUser{Email: email, Name: name, Password: password, Role: store.RoleAdmin})
}
