// A stranger's list of checksums names files inside of its package, each once, or is refused.

#include "corral/package/checksum_list.hpp"

#include <set>

#include "corral/package/package_tree.hpp"
#include "fuzz_input.hpp"

using namespace corral;
using tests::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = package::parse_checksum_list({reinterpret_cast<const char*>(data), size});
    if (!read) {
        demand(!read.error().message.empty(), "a refusal has a reason");
        return 0;
    }
    std::set<std::string> names;
    for (const package::listed_file& one : *read) {
        demand(
            one.sha256.size() == 64 && one.sha256.find_first_not_of("0123456789abcdef") == std::string::npos,
            "a sum is one");
        const auto tidy = package::tidy_name(one.path);
        demand(tidy && *tidy == one.path && one.path != ".", "a name is tidy");
        demand(names.insert(one.path).second, "a name is listed once");
    }
    demand(!names.empty(), "a list has a file");
    return 0;
}
