#include "configuration_device.hpp"

#include <string>
#include <vector>

#include "corral/catalog/profile_reader.hpp"
#include "corral/device/report.hpp"

namespace corral::config {

void read_model_device(catalog::section& from, catalog::model_entry& to) {
    auto inner = from.table("device");
    if (inner) {
        catalog::read_device(*inner, to.runtime.device);
    }
    const std::string& format = to.runtime.device.format;
    if (format.empty() || device::find_report_format(format) != nullptr) {
        return;
    }
    std::vector<std::string> names{"none"};
    for (const auto& one : device::report_formats()) {
        names.emplace_back(one.name);
    }
    const auto where = inner && inner->has("format") ? inner->place("format") : from.place("profile");
    from.complain(where,
                  "there is no device format '" + format + "'" + catalog::meant_instead(format, names));
}

}  // namespace corral::config
