#include "corral/telemetry/metric_page.hpp"

#include <algorithm>

namespace corral::telemetry {

void metric_page::gauge(std::string_view name, std::string_view help, metric_labels labels, double value) {
    add(name, help, metric_kind::gauge, std::move(labels), value);
}

void metric_page::counter(std::string_view name, std::string_view help, metric_labels labels, double value) {
    add(name, help, metric_kind::counter, std::move(labels), value);
}

void metric_page::add(std::string_view name, std::string_view help, metric_kind kind, metric_labels labels,
                      double value) {
    // Collectors fill one family after the other, so it is mostly the last.
    auto found = std::find_if(families_.rbegin(), families_.rend(),
                              [&](const family& one) { return one.name == name; });
    if (found == families_.rend()) {
        families_.push_back({std::string(name), std::string(help), kind, {}});
        found = families_.rbegin();
    }
    const bool twice = std::any_of(found->samples.begin(), found->samples.end(),
                                   [&](const sample& one) { return one.labels == labels; });
    if (!twice) {
        found->samples.push_back({std::move(labels), value});
    }
}

}  // namespace corral::telemetry
