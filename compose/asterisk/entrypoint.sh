#!/bin/sh
# Settles ARI's password, writes the parts of the configuration that hold it and the addresses, then becomes Asterisk.
# ARI_PASS names the password; without it one is made up at the first start and kept in the volume that ari-serve reads, too.
set -eu
secret=/run/rtplat/ari-pass
umask 027

if [ -n "${ARI_PASS:-}" ]; then
  printf '%s\n' "$ARI_PASS" >"$secret.new"
elif [ ! -s "$secret" ]; then
  od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$secret.new"
  echo >>"$secret.new"
fi
if [ -e "$secret.new" ]; then mv "$secret.new" "$secret"; fi
# Asterisk would take what stands behind a semicolon for a comment.
case $(cat "$secret") in *[!A-Za-z0-9._~+/=@%-]*)
  echo 'asterisk: ARI_PASS may have letters, digits and . _ ~ + / = @ % - only' >&2
  exit 2
  ;;
esac

mkdir -p /run/asterisk/lib /run/asterisk/spool /run/asterisk/log /run/asterisk/etc
printf 'password = %s\n' "$(cat "$secret")" >/run/asterisk/etc/ari-password.conf
printf 'bindaddr = %s\n' "${ASTERISK_HTTP_BIND:-0.0.0.0}" >/run/asterisk/etc/http-bind.conf
# PJSIP asks DNS servers only: a name of /etc/hosts would not do.
printf 'contact = sip:%s:5070\n' "${SIP_SERVE_HOST:-sip-serve}" >/run/asterisk/etc/sip-serve-contact.conf
unset ARI_PASS
exec "$@"
