#!/bin/busybox sh
# First process of the guest: mounts what is needed, runs the job, sends its files over the second serial port.
/bin/busybox mkdir -p /proc /sys /dev /tmp /root /etc
echo 'root:x:0:0:root:/root:/bin/sh' >/etc/passwd
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t tmpfs tmp /tmp
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root
mount -t tracefs tracefs /sys/kernel/tracing
T=/sys/kernel/tracing

# send NAME FILE
send() { { echo "=== file $1"; base64 "$2"; echo "=== end"; } >/dev/ttyS1; }

# What a recorder could leave behind in tracefs, in one text.
tracefs_state() {
  echo "instances: $(ls $T/instances | tr '\n' ' ')"
  echo "kprobe_events:"; cat $T/kprobe_events
  for f in tracing_on current_tracer trace_clock set_event set_ftrace_filter; do
    echo "$f:"; cat $T/$f
  done
}

. /job.sh
echo "=== done" >/dev/ttyS1
sync
poweroff -f
