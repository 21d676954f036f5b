// What an earlier image left, as if a stranger had written it: read and written again it is the same.

#include "corral/upgrade/upgrade_document.hpp"
#include "fuzz_input.hpp"

using namespace corral;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto read = upgrade::decode({reinterpret_cast<const char*>(data), size});
    if (!read) {
        tests::demand(!read.error().message.empty(), "a failure says why");
        return 0;
    }
    const std::string written = upgrade::encode(*read);
    const auto again = upgrade::decode(written);
    tests::demand(again.has_value() && upgrade::encode(*again) == written, "reading again gives the same");
    for (const int descriptor : upgrade::descriptors_of(*read)) {
        tests::demand(descriptor > 2, "no descriptor is one of the standard streams");
    }
    static_cast<void>(upgrade::check_descriptors(*read));
    return 0;
}
