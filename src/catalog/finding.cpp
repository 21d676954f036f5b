#include "corral/catalog/finding.hpp"

namespace corral::catalog {

const char* severity_name(severity level) noexcept {
    switch (level) {
        case severity::note:
            return "note";
        case severity::warning:
            return "warning";
        case severity::error:
            break;
    }
    return "error";
}

std::string to_line(const finding& what) {
    std::string out = what.subject.empty() ? what.what : what.subject + ": " + what.what;
    return what.fix.empty() ? out : out + " " + what.fix;
}

}  // namespace corral::catalog
