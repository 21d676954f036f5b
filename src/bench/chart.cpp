#include "bench/chart.hpp"

#include <algorithm>
#include <cmath>

#include "bench/shown.hpp"

namespace corral::bench {

namespace {

constexpr double width = 640;
constexpr double height = 360;
constexpr double left = 84;
constexpr double right = 36;
constexpr double top = 20;
constexpr double bottom = 68;

// From 0 to a round number above `highest`, in about five steps of 1, 2 or 5 times a power of ten.
struct axis {
    explicit axis(double highest) {
        const double most = highest > 0 ? std::max(highest, 1e-6) : 5;
        const double raw = most / 5;
        const double power = std::pow(10, std::floor(std::log10(raw)));
        for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
            step = factor * power;
            if (step >= raw) {
                break;
            }
        }
        end = step * std::ceil(most / step - 1e-9);
        decimals = step >= 1 ? 0 : std::min(6, static_cast<int>(std::ceil(-std::log10(step))));
    }
    double step = 1;
    double end = 1;
    int decimals = 0;
};

std::string number(double value) {
    return fixed(value, 1);
}

struct plane {
    axis x;
    axis y;
    [[nodiscard]] double at_x(double value) const { return left + (width - left - right) * value / x.end; }
    [[nodiscard]] double at_y(double value) const {
        return height - bottom - (height - top - bottom) * std::clamp(value / y.end, 0.0, 1.0);
    }
};

std::string line(const char* style, double x1, double y1, double x2, double y2) {
    return std::string("<line class=\"") + style + "\" x1=\"" + number(x1) + "\" y1=\"" + number(y1) +
           "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) + "\"/>\n";
}

std::string words(const char* style, const char* anchor, double x, double y, const std::string& text) {
    return std::string("<text class=\"") + style + "\" text-anchor=\"" + anchor + "\" x=\"" + number(x) +
           "\" y=\"" + number(y) + "\">" + html_text(text) + "</text>\n";
}

std::string axes(const chart& what, const plane& on) {
    std::string out;
    for (double at = 0; at <= on.y.end * 1.0001; at += on.y.step) {
        out += line("grid", left, on.at_y(at), width - right, on.at_y(at));
        out += words("tick", "end", left - 8, on.at_y(at) + 5, fixed(at, on.y.decimals));
    }
    for (double at = 0; at <= on.x.end * 1.0001; at += on.x.step) {
        out += line("grid", on.at_x(at), top, on.at_x(at), height - bottom);
        out += words("tick", "middle", on.at_x(at), height - bottom + 26, fixed(at, on.x.decimals));
    }
    out += words("axis", "middle", (left + width - right) / 2, height - 8, what.across);
    return out + "<text class=\"axis\" text-anchor=\"middle\" transform=\"translate(20 " +
           number((top + height - bottom) / 2) + ") rotate(-90)\">" + html_text(what.up) + "</text>\n";
}

std::string points(const chart_series& of, const plane& on) {
    std::string out = std::string("<g class=\"") + of.style + "\">\n";
    for (const auto& [x, y] : of.points) {
        out += "<circle r=\"5\" cx=\"" + number(on.at_x(x)) + "\" cy=\"" + number(on.at_y(y)) + "\"><title>" +
               html_text(of.name) + ": " + fixed(x, 0) + ", " + fixed(y, 1) + "</title></circle>\n";
    }
    return out + "</g>\n";
}

std::string legend(const chart& what) {
    std::string out;
    for (const chart_series& each : what.series) {
        if (!each.points.empty() && what.series.size() > 1) {
            out += std::string("<span class=\"key ") + each.style + "\"></span>" + html_text(each.name) + " ";
        }
    }
    return out.empty() ? out : "<p class=\"legend\">" + out + "</p>\n";
}

}  // namespace

std::string html_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default: {
                const auto byte = static_cast<unsigned char>(c);
                out += (byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f ? ' ' : c;
            }
        }
    }
    return out;
}

std::string svg_of(const chart& what) {
    double most_x = 0;
    double most_y = 0;
    std::size_t count = 0;
    for (const chart_series& each : what.series) {
        for (const auto& [x, y] : each.points) {
            most_x = std::max(most_x, x);
            most_y = std::max(most_y, y);
            ++count;
        }
    }
    if (count == 0) {
        return {};
    }
    const plane on{axis(most_x), axis(most_y)};
    std::string out = "<figure>\n<figcaption>" + html_text(what.title) + "</figcaption>\n" + legend(what) +
                      "<svg viewBox=\"0 0 " + number(width) + " " + number(height) +
                      "\" role=\"img\" aria-label=\"" + html_text(what.title) + "\">\n" + axes(what, on);
    if (what.line) {
        const auto fitted = [&](double x) { return what.line->base_ms + what.line->per_token_ms * x; };
        out += line("fit", on.at_x(0), on.at_y(fitted(0)), on.at_x(most_x), on.at_y(fitted(most_x)));
    }
    for (const chart_series& each : what.series) {
        out += points(each, on);
    }
    return out + "</svg>\n</figure>\n";
}

}  // namespace corral::bench
