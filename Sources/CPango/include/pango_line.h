// Lines of text set by Pango for Cairo. Pango is loaded for the first line: as a library of the program it would add
// 3.6 ms to every start, for pictures alone.
#ifndef PANGO_LINE_H
#define PANGO_LINE_H

#include <stdbool.h>

struct pango_line;

// Whether Pango is installed.
bool pango_line_is_ready(void);

// Makes a line of UTF-8 text that begins at the left, in letters of so many pixels; NULL where Pango is not installed.
struct pango_line *pango_line_create(const char *text, double size, bool is_bold);

// Returns the width in pixels.
double pango_line_width(struct pango_line *line);

// Draws the line on a context of Cairo (cairo_t), whose point is its beginning on the height of the letters' feet.
void pango_line_draw(struct pango_line *line, void *context);

void pango_line_free(struct pango_line *line);

#endif
