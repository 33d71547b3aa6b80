/*
 * version.c - which library was loaded.
 */
#include "internal.h"

#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)
#define VERSION_MAJOR 0
#define VERSION_MINOR 1
#define VERSION_PATCH 0

_Static_assert(FLUVIO_VERSION_HEX == (VERSION_MAJOR << 16 | VERSION_MINOR << 8 | VERSION_PATCH), "fluvio.h has another version");

uint32_t fluvio_version(void)
{
  return FLUVIO_VERSION_HEX;
}

const char *fluvio_version_string(void)
{
  return QUOTE(VERSION_MAJOR) "." QUOTE(VERSION_MINOR) "." QUOTE(VERSION_PATCH);
}

int32_t fluvio_check(uint32_t header_version)
{
  uint32_t major = header_version >> 16, minor = header_version >> 8 & 0xff;
  return major == VERSION_MAJOR && minor <= VERSION_MINOR ? FLUVIO_OK : FLUVIO_ERR_VERSION;
}
