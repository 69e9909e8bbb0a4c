#define _GNU_SOURCE
#include "pango_line.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// The functions as Pango 1.22 and later has them; all of its objects are pointers here.
struct rectangle { int x, y, width, height; };
enum { scale = 1024, left_to_right = 0, normal = 400, bold = 700 };

#define FUNCTIONS(FUNCTION)                                                             \
    FUNCTION(void *, pango_cairo_font_map_get_default, (void))                          \
    FUNCTION(void *, pango_font_map_create_context, (void *map))                        \
    FUNCTION(void, pango_context_set_base_dir, (void *context, int direction))          \
    FUNCTION(void *, pango_layout_new, (void *context))                                 \
    FUNCTION(void, pango_layout_set_auto_dir, (void *layout, int is_automatic))         \
    FUNCTION(void, pango_layout_set_single_paragraph_mode, (void *layout, int is_one))  \
    FUNCTION(void *, pango_font_description_new, (void))                                \
    FUNCTION(void, pango_font_description_set_family, (void *font, const char *family)) \
    FUNCTION(void, pango_font_description_set_weight, (void *font, int weight))         \
    FUNCTION(void, pango_font_description_set_absolute_size, (void *font, double size)) \
    FUNCTION(void, pango_font_description_free, (void *font))                           \
    FUNCTION(void, pango_layout_set_font_description, (void *layout, const void *font)) \
    FUNCTION(void, pango_layout_set_text, (void *layout, const char *text, int length)) \
    FUNCTION(void, pango_layout_get_extents,                                            \
        (void *layout, struct rectangle *ink, struct rectangle *logical))               \
    FUNCTION(void *, pango_layout_get_line_readonly, (void *layout, int line))          \
    FUNCTION(void, pango_cairo_show_layout_line, (void *context, void *line))           \
    FUNCTION(void, g_object_unref, (void *object))

#define MEMBER(result, name, parameters) result(*name) parameters;
static struct { FUNCTIONS(MEMBER) } pango;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool is_ready;

static void load(void) {
    // The Python package brings its own copy, which is there already.
    void *library = RTLD_DEFAULT;
    if (!dlsym(library, "pango_cairo_show_layout_line")) {
        library = dlopen("libpangocairo-1.0.so.0", RTLD_NOW | RTLD_LOCAL);
        if (!library) return;
    }
    bool is_complete = true;
#define LOAD(result, name, parameters)                      \
    *(void **)&pango.name = dlsym(library, #name);          \
    is_complete = is_complete && pango.name;
    FUNCTIONS(LOAD)
    is_ready = is_complete;
}

bool pango_line_is_ready(void) {
    pthread_once(&once, load);
    return is_ready;
}

struct pango_line *pango_line_create(const char *text, double size, bool is_bold) {
    if (!pango_line_is_ready()) return NULL;
    void *context = pango.pango_font_map_create_context(pango.pango_cairo_font_map_get_default());
    // The line begins at the left whatever its first letter is, as in an SVG file.
    pango.pango_context_set_base_dir(context, left_to_right);
    void *layout = pango.pango_layout_new(context);
    pango.g_object_unref(context);
    pango.pango_layout_set_auto_dir(layout, false);
    pango.pango_layout_set_single_paragraph_mode(layout, true);
    void *font = pango.pango_font_description_new();
    pango.pango_font_description_set_family(font, "sans-serif");
    pango.pango_font_description_set_weight(font, is_bold ? bold : normal);
    pango.pango_font_description_set_absolute_size(font, size * scale);
    pango.pango_layout_set_font_description(layout, font);
    pango.pango_font_description_free(font);
    pango.pango_layout_set_text(layout, text, -1);
    return layout;
}

double pango_line_width(struct pango_line *line) {
    struct rectangle extents;
    pango.pango_layout_get_extents(line, NULL, &extents);
    return (double)extents.width / scale;
}

void pango_line_draw(struct pango_line *line, void *context) {
    pango.pango_cairo_show_layout_line(context, pango.pango_layout_get_line_readonly(line, 0));
}

void pango_line_free(struct pango_line *line) { pango.g_object_unref(line); }
