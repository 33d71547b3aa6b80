// Package tests holds the tests that look at libfluvio from outside: what the packages may import, and how it behaves
// towards official servers, official clients and other languages. It has no code of its own.
package tests
