// Package service is what the rules of all rooms have in common: who calls (Caller), what is wrong with a field
// (Invalid), how often somebody may call (Rates), ids, networks. It knows neither HTTP nor a database.
//
// The rules themselves are in packages below, a room each, of the same names as the rooms of app/api; one
// file per noun. No room imports another: what one needs of another it is given.
package service
