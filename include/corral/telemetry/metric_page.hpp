#pragma once
// Figures as they are at one moment, gathered for one scrape: families of values with labels. What a
// collector puts in must be bounded: names of the configuration, of services and of cards, never a client's
// word.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace corral::telemetry {

using metric_labels = std::vector<std::pair<std::string, std::string>>;

enum class metric_kind { gauge, counter };

class metric_page {
public:
    struct sample {
        metric_labels labels;
        double value = 0;
    };
    struct family {
        std::string name;
        std::string help;
        metric_kind kind = metric_kind::gauge;
        std::vector<sample> samples;
    };

    // Names after the conventions of Prometheus: base units, and _total at the end of a counter. The first
    // call fixes the help and kind of a family. A second value with the same labels is dropped: a page with
    // both would be refused as a whole.
    void gauge(std::string_view name, std::string_view help, metric_labels labels, double value);
    void counter(std::string_view name, std::string_view help, metric_labels labels, double value);

    [[nodiscard]] const std::vector<family>& families() const noexcept { return families_; }

private:
    void add(std::string_view name, std::string_view help, metric_kind kind, metric_labels labels,
             double value);

    std::vector<family> families_;
};

}  // namespace corral::telemetry
