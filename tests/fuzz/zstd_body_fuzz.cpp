// A packed request of any bytes is a text within its bound, or a refusal that says why.

#include "api/json/zstd_body.hpp"
#include "fuzz_input.hpp"

using namespace corral;
using tests::demand;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input in(data, size);
    const std::size_t most = std::size_t{1} << (in.choice() % 20);
    const core::result<std::string> text = api::unpack_zstd(in.rest(), most, nullptr);
    demand(text ? text->size() <= most : !text.error().message.empty(),
           "a text within its bound, or a reason");
    return 0;
}
