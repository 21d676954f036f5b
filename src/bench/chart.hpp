#pragma once
// A chart of points as SVG, for a page that loads nothing.

#include <optional>
#include <string>
#include <vector>

#include "corral/bench/statistics.hpp"

namespace corral::bench {

struct chart_series {
    std::string name;
    const char* style = "";  // class of its points: a or b
    std::vector<std::pair<double, double>> points;
};

struct chart {
    std::string title;
    std::string across;  // what the axes are
    std::string up;
    std::vector<chart_series> series;
    std::optional<line_fit> line;
};

// All values in it are numbers of ours and escaped texts. Empty where no point is.
[[nodiscard]] std::string svg_of(const chart& what);
// For the text and the attributes of a page; control characters become blanks.
[[nodiscard]] std::string html_text(std::string_view text);

}  // namespace corral::bench
