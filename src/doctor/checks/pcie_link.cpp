// How fast the card is connected: a model's weights stay on the card, but each token's data crosses the link.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <set>
#include <string>

#include "doctor/checks.hpp"
#include "doctor/pci_bus.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array pcie_link_kinds{
    finding_kind{"pcie.slow", severity::warning, "the card's link runs slower than card and slot support",
                 "loading and answers take longer than necessary",
                 "reseat the card and its cable (a shorter cable helps), and check the kernel log (dmesg)"},
    finding_kind{"pcie.gen3-off", severity::warning, "the link of a Raspberry Pi 5 runs at half speed",
                 "Gen 2 is the default; loading and answers are faster with Gen 3",
                 "add 'dtparam=pciex1_gen=3' to /boot/firmware/config.txt and reboot; remove it again if the "
                 "card is then lost, as Gen 3 is not guaranteed there"},
    finding_kind{"pcie.narrow", severity::warning, "the card's link uses fewer lanes than card and slot have",
                 "loading and answers take longer than necessary; often a contact is dirty or the card not "
                 "fully seated",
                 "power off, clean and reseat the card and its cable"},
    finding_kind{"pcie.small-slot", severity::note, "the slot supports less than the card",
                 "loading and answers would be faster in another slot or machine",
                 "nothing, if there is no better slot"},
    finding_kind{"pcie.card", severity::note, "a known card on the PCI bus, and its link", "", "nothing"},
};

// "5.0 GT/s PCIe" -> 50, "4" -> 40; 0: not said ("Unknown", 255 lanes of a link that is down).
unsigned tenths(const std::string& text) {
    double value = 0.0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    constexpr double most = 200.0;
    return error == std::errc{} && end != text.data() && value > 0.0 && value < most
               ? static_cast<unsigned>(std::lround(value * 10.0))
               : 0U;
}

// Of two where one may not be known.
unsigned lesser(unsigned a, unsigned b) {
    return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

bool is_raspberry_pi_5(const examination& box) {
    const std::string model = first_line(below(box.around.root, "/proc/device-tree/model"));
    return model.find("Raspberry Pi 5") != std::string::npos ||
           model.find("Raspberry Pi Compute Module 5") != std::string::npos;
}

void look_at_speed(const examination& box, const pci_link& link, findings& out) {
    constexpr unsigned gen2 = 50;
    const unsigned now = tenths(link.speed);
    const unsigned card = tenths(link.most_speed);
    const unsigned slot = tenths(link.slot_most_speed);
    if (now == 0 || now >= card) {
        return;
    }
    const std::string what =
        "the card " + link.address + " runs at " + link.speed + " and supports " + link.most_speed;
    if (now == gen2 && is_raspberry_pi_5(box)) {
        say(out, pcie_link_kinds[1], "the device", what);
    } else if (now < lesser(card, slot)) {
        say(out, pcie_link_kinds[0], "the device", what);
    } else {
        say(out, pcie_link_kinds[3], "the device", what + ", but its slot does not");
    }
}

void name_card(const std::string& pci, const pci_link& link, findings& out) {
    std::string what = "a card " + pci + " is at " + link.address;
    if (tenths(link.speed) != 0 && tenths(link.width) != 0) {
        what += "; its link runs at " + link.speed + " with " + link.width +
                (link.width == "1" ? " lane" : " lanes");
    }
    say(out, pcie_link_kinds.back(), "the device", std::move(what));
}

void look_at_width(const pci_link& link, findings& out) {
    const unsigned now = tenths(link.width);
    const unsigned card = tenths(link.most_width);
    const unsigned slot = tenths(link.slot_most_width);
    if (now == 0 || now >= card) {
        return;
    }
    const std::string what =
        "the card " + link.address + " uses " + link.width + " of its " + link.most_width + " lanes";
    if (slot != 0 && now < lesser(card, slot)) {
        say(out, pcie_link_kinds[2], "the device", what + ", and its slot has " + link.slot_most_width);
    } else {
        say(out, pcie_link_kinds[3], "the device", what + ": its slot has no more");
    }
}

void check_pcie_link(const examination& box, findings& out) {
    std::set<std::string> seen;
    for (const catalog::device_template& each : box.accelerators) {
        if (each.host.pci.empty() || !seen.insert(each.host.pci).second) {
            continue;
        }
        for (const pci_link& link : cards_on_bus(box.around.root, each.host.pci)) {
            name_card(each.host.pci, link, out);
            look_at_speed(box, link, out);
            look_at_width(link, out);
        }
    }
}

}  // namespace

const check pcie_link_check{"pcie-link", "the speed and the lanes of the card's link", start_part::none,
                            pcie_link_kinds, check_pcie_link};

}  // namespace corral::doctor
