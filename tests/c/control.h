/* control.h - asks the dev cluster's control port for faults. */
#ifndef CONTROL_H
#define CONTROL_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static const char *control_address; /* host:port of the dev cluster's control port */

/* Sends a verb to the control port. */
static void control(const char *path)
{
  struct sockaddr_in a;
  char host[64], text[512];
  int fd;
  size_t got = 0;
  ssize_t n;
  CHECK(strlen(control_address) < sizeof host);
  strcpy(host, control_address);
  *strchr(host, ':') = '\0';
  memset(&a, 0, sizeof a);
  a.sin_family = AF_INET;
  a.sin_port = htons((uint16_t)atoi(strchr(control_address, ':') + 1));
  CHECK(inet_pton(AF_INET, host, &a.sin_addr) == 1);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
  snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", path);
  CHECK(send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text));
  while (got < sizeof text - 1 && (n = recv(fd, text + got, sizeof text - 1 - got, 0)) > 0)
    got += (size_t)n;
  text[got] = '\0';
  close(fd);
  if (strstr(text, " 200 ") == NULL)
    fprintf(stderr, "%s: %s\n", path, text);
  CHECK(strstr(text, " 200 ") != NULL);
}

#endif
