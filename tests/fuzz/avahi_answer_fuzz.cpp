// What avahi-browse prints of a network where anybody may announce himself: names for HAProxy, and addresses.

#include <boost/asio/ip/address.hpp>

#include "corral/boxes/discovery.hpp"
#include "corral/core/text.hpp"
#include "fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace corral;
    const auto found = boxes::read_avahi_answer({reinterpret_cast<const char*>(data), size});
    tests::demand(found.size() <= boxes::most_boxes, "hosts are bounded");
    for (const boxes::found_host& one : found) {
        tests::demand(!one.host.empty() && std::ranges::all_of(one.host,
                                                               [](char c) {
                                                                   return core::is_letter(c) ||
                                                                          core::is_digit(c) || c == '_' ||
                                                                          c == '.' || c == '-';
                                                               }),
                      "a name for HAProxy");
        boost::system::error_code wrong;
        boost::asio::ip::make_address(one.address, wrong);
        tests::demand(!wrong && one.port != 0, "an address and a port");
    }
    return 0;
}
