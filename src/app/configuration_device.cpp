#include "configuration_device.hpp"

#include <string>
#include <vector>

#include "corral/catalog/profile_reader.hpp"
#include "corral/device/report.hpp"

namespace corral::app {

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
    std::string listed = "none";
    for (const auto& one : device::report_formats()) {
        names.emplace_back(one.name);
        listed += ", " + std::string(one.name);
    }
    const auto meant = catalog::nearest(format, names);
    const auto where = inner && inner->has("format") ? inner->place("format") : from.place("profile");
    from.complain(where, "there is no device format '" + format + "'" +
                             (meant.empty() ? "; there are " + listed : "; did you mean '" + meant + "'?"));
}

}  // namespace corral::app
