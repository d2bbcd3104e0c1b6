// SPDX-License-Identifier: LGPL-2.1-or-later
// For the thread sanitizer: GLib's mutexes and conditions are futexes of its own, and GLib is not
// instrumented, so that what they guard would look unguarded. These stand before GLib's and say what they
// order; the same for the counts of references, whose last holder frees what others have used.
#ifdef __SANITIZE_THREAD__

#include <dlfcn.h>
#include <gst/gst.h>
#include <sanitizer/tsan_interface.h>

#undef g_object_unref  // A macro that keeps the type.
#undef g_object_ref

namespace {

template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

void g_mutex_lock(GMutex* mutex) {
  static const auto real = next<void (*)(GMutex*)>("g_mutex_lock");
  real(mutex);
  __tsan_acquire(mutex);
}

gboolean g_mutex_trylock(GMutex* mutex) {
  static const auto real = next<gboolean (*)(GMutex*)>("g_mutex_trylock");
  const gboolean locked = real(mutex);
  if (locked != FALSE) __tsan_acquire(mutex);
  return locked;
}

void g_mutex_unlock(GMutex* mutex) {
  static const auto real = next<void (*)(GMutex*)>("g_mutex_unlock");
  __tsan_release(mutex);
  real(mutex);
}

void g_cond_wait(GCond* condition, GMutex* mutex) {
  static const auto real = next<void (*)(GCond*, GMutex*)>("g_cond_wait");
  __tsan_release(mutex);
  real(condition, mutex);
  __tsan_acquire(mutex);
}

gboolean g_cond_wait_until(GCond* condition, GMutex* mutex, gint64 end) {
  static const auto real = next<gboolean (*)(GCond*, GMutex*, gint64)>("g_cond_wait_until");
  __tsan_release(mutex);
  const gboolean signalled = real(condition, mutex, end);
  __tsan_acquire(mutex);
  return signalled;
}

void g_object_unref(gpointer object) {
  static const auto real = next<void (*)(gpointer)>("g_object_unref");
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}

void gst_object_unref(gpointer object) {
  static const auto real = next<void (*)(gpointer)>("gst_object_unref");
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}

void gst_mini_object_unref(GstMiniObject* object) {
  static const auto real = next<void (*)(GstMiniObject*)>("gst_mini_object_unref");
  __tsan_release(object);
  __tsan_acquire(object);
  real(object);
}

}  // extern "C"

#endif
