// Package configs knows every setting of whatsapp-api: its name, default, meaning,
// and where its value came from. A setting has one name, written three ways: PORT in
// the environment and in .env, port in the YAML file, --port on the command line; the
// command line wins over the environment, that over .env, that over the file.
//
// Begin with configs.go (the settings) and load.go (the sources).
package configs
