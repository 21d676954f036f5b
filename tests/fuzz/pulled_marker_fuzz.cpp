// Any bytes are a marker or none; what one lists stays below its folder, and it comes back as it was written.

#include "corral/pull/pulled_marker.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = pull::parse_marker({reinterpret_cast<const char*>(data), size});
    if (!read) {
        return 0;
    }
    for (const pull::expected_file& one : read->files) {
        tests::demand(pull::is_inner_path(one.path) && one.path.front() != '/', "a file is below its folder");
    }
    const auto again = pull::parse_marker(pull::marker_text(*read));
    tests::demand(again.has_value() && again->files.size() == read->files.size(), "it comes back");
    return 0;
}
