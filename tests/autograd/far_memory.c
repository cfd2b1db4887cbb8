/* Two ranges of addresses side by side: callers see the far one, which never has any access; the bytes lie at
 * the same places of the near one. Addresses are handed out once only. */
#include "tests/autograd/far_memory.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static const size_t range_bytes = (size_t)1 << 40, page_bytes = 1 << 16, align_bytes = 64;
enum { FILLED_BYTES = 1 << 16 };

/* Before every block: its size. A block ends where its last page ends; a page without access follows. */
typedef struct header {
  size_t first, end; /* of its pages, in the range */
} header;

static unsigned char *far, *near;
static size_t used_bytes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned char *reserve(void) {
  void *base = mmap(NULL, range_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return base == MAP_FAILED ? NULL : base;
}

static bool is_ready(void) {
  if (!far) far = reserve();
  if (far && !near) near = reserve();
  return far && near;
}

static void *take(size_t bytes) {
  size_t whole = (bytes + align_bytes - 1) / align_bytes * align_bytes;
  size_t pages = (whole + align_bytes + page_bytes - 1) / page_bytes * page_bytes, first = used_bytes;
  if (pages > range_bytes - used_bytes - page_bytes) return NULL;
  if (mprotect(near + first, pages, PROT_READ | PROT_WRITE) != 0) return NULL;
  used_bytes += pages + page_bytes;
  size_t start = first + pages - whole;
  const header kept = {first, first + pages};
  memcpy(near + start - align_bytes, &kept, sizeof kept);
  memset(near + start, 0xff, whole < FILLED_BYTES ? whole : FILLED_BYTES);
  return far + start;
}

void *far_alloc(size_t bytes) {
  if (bytes > range_bytes / 2) return NULL;
  pthread_mutex_lock(&lock);
  void *memory = is_ready() ? take(bytes) : NULL;
  pthread_mutex_unlock(&lock);
  return memory;
}

void far_free(void *memory) {
  if (!memory) return;
  header kept;
  memcpy(&kept, (unsigned char *)far_near(memory) - align_bytes, sizeof kept);
  madvise(near + kept.first, kept.end - kept.first, MADV_DONTNEED);
  mprotect(near + kept.first, kept.end - kept.first, PROT_NONE);
}

void *far_near(const void *address) {
  uintptr_t place = (uintptr_t)address - (uintptr_t)far;
  return far && place < range_bytes ? near + place : (void *)(uintptr_t)address;
}
