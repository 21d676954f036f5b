// What a DNS server says of the boxes of a fleet: each name that is taken may stand in HAProxy's configuration, and the boxes of the
// list stay.

#include "corral/boxes/discovery.hpp"
#include "corral/core/text.hpp"
#include "fuzz_input.hpp"

namespace {

using namespace corral;

bool is_plain(const std::string& text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return core::is_letter(c) || core::is_digit(c) || c == '_' || c == '.' || c == '-';
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto found = boxes::read_srv_answer({data, size});
    if (!found) {
        tests::demand(!found.error().message.empty(), "a refusal has a reason");
        return 0;
    }
    boxes::box_entry listed;
    listed.name = "one";
    listed.address.host = "10.0.0.1";
    listed.address.port = 11434;
    const boxes::joined_boxes all = boxes::join_boxes({listed}, {}, *found);
    tests::demand(!all.boxes.empty() && all.boxes.front().name == "one", "the list's own come first");
    tests::demand(all.boxes.size() <= found->size() + 1, "no box comes from nowhere");
    for (const boxes::box_entry& box : all.boxes) {
        tests::demand(is_plain(box.name) && box.name.size() <= 64, "a name for HAProxy");
        tests::demand(box.address.port.value_or(0) != 0, "a port");
        tests::demand(box.weight >= 1 && box.weight <= 256, "a weight for HAProxy");
    }
    return 0;
}
