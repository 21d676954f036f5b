#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <boost/asio/ip/address.hpp>

#include "boxes/host_name.hpp"
#include "corral/boxes/discovery.hpp"
#include "corral/core/text.hpp"

namespace corral::boxes {

namespace {

constexpr std::size_t srv_head = 6;  // priority, weight, port (RFC 2782)

core::failure unreadable(const std::string& why) {
    return core::make_failure(core::errc::protocol, "the answer of the DNS server " + why);
}

std::string address_in(const ns_rr& record) {
    const std::uint8_t* const data = ns_rr_rdata(record);
    if (ns_rr_type(record) == ns_t_a && ns_rr_rdlen(record) == NS_INADDRSZ) {
        boost::asio::ip::address_v4::bytes_type bytes{};
        std::copy_n(data, bytes.size(), bytes.begin());
        return boost::asio::ip::make_address_v4(bytes).to_string();
    }
    if (ns_rr_type(record) == ns_t_aaaa && ns_rr_rdlen(record) == NS_IN6ADDRSZ) {
        boost::asio::ip::address_v6::bytes_type bytes{};
        std::copy_n(data, bytes.size(), bytes.begin());
        const auto address = boost::asio::ip::make_address_v6(bytes);
        return address.is_link_local() ? std::string() : address.to_string();
    }
    return {};
}

std::optional<found_host> host_in(const ns_msg& message, const ns_rr& record) {
    if (ns_rr_type(record) != ns_t_srv || ns_rr_class(record) != ns_c_in || ns_rr_rdlen(record) <= srv_head) {
        return std::nullopt;
    }
    const std::uint8_t* const data = ns_rr_rdata(record);
    const auto word = [data](std::size_t at) {
        return static_cast<std::uint16_t>(data[at] << 8U | data[at + 1]);
    };
    std::array<char, NS_MAXDNAME> name{};
    if (ns_name_uncompress(ns_msg_base(message), ns_msg_end(message), data + srv_head, name.data(),
                           name.size()) < 0) {
        return std::nullopt;
    }
    found_host out;
    out.host = host_name(name.data());
    out.priority = word(0);
    out.weight = word(2);
    out.port = word(4);
    return out.host.empty() || out.port == 0 ? std::nullopt : std::optional(std::move(out));
}

// Each record of a section; false where one is broken.
template <typename Take>
bool each(ns_msg& message, ns_sect section, Take take) {
    for (int i = 0; i < ns_msg_count(message, section); ++i) {
        ns_rr record{};
        if (ns_parserr(&message, section, i, &record) != 0) {
            return false;
        }
        take(record);
    }
    return true;
}

}  // namespace

core::result<found_hosts> read_srv_answer(std::span<const std::uint8_t> answer) {
    ns_msg message{};
    if (answer.size() > NS_MAXMSG ||
        ns_initparse(answer.data(), static_cast<int>(answer.size()), &message) != 0 ||
        ns_msg_getflag(message, ns_f_qr) != 1) {
        return unreadable("can't be read");
    }
    if (ns_msg_getflag(message, ns_f_tc) != 0) {
        return unreadable("is cut; let the server answer over TCP too");
    }
    const int code = ns_msg_getflag(message, ns_f_rcode);
    if (code == ns_r_nxdomain) {
        return found_hosts();
    }
    if (code != ns_r_noerror) {
        return unreadable("is a refusal (code " + std::to_string(code) + "); see its log");
    }
    if (ns_msg_count(message, ns_s_an) > static_cast<int>(most_boxes)) {
        return unreadable("has more than " + std::to_string(most_boxes) + " records; name fewer boxes");
    }
    found_hosts out;
    std::map<std::string, std::set<std::string>> addresses;
    const bool whole = each(message, ns_s_an,
                            [&](const ns_rr& record) {
                                if (auto host = host_in(message, record)) {
                                    out.push_back(*std::move(host));
                                }
                            }) &&
                       each(message, ns_s_ns, [](const ns_rr&) {}) &&
                       each(message, ns_s_ar, [&](const ns_rr& record) {
                           if (const std::string address = address_in(record); !address.empty()) {
                               addresses[host_name(ns_rr_name(record))].insert(address);
                           }
                       });
    if (!whole) {
        return unreadable("can't be read");
    }
    for (found_host& one : out) {
        if (const auto known = addresses.find(one.host); known != addresses.end()) {
            one.address = *known->second.begin();  // the same one each time, whatever their order
        }
    }
    const auto place = [](const found_host& one) { return std::tie(one.priority, one.host, one.port); };
    std::ranges::sort(out, {}, place);
    std::set<std::pair<std::string, std::uint16_t>> known;
    std::erase_if(out, [&](const found_host& one) { return !known.emplace(one.host, one.port).second; });
    return out;
}

}  // namespace corral::boxes
