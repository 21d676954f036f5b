// The card on the bus, and its driver.

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include <unistd.h>

#include "doctor/checks.hpp"
#include "doctor/pci_bus.hpp"
#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

using catalog::severity;

constexpr std::array driver_kinds{
    finding_kind{
        "driver.no-card", severity::warning, "the accelerator's card is not on the PCI bus",
        "models that need the card can't run",
        "power off, reseat the card and its cable, and check with lspci; on a Raspberry Pi 5, also check "
        "that /boot/firmware/config.txt has 'dtparam=pciex1' and that the power supply is strong enough"},
    finding_kind{"driver.not-loaded", severity::error, "the card is present, but its driver is not loaded",
                 "no program can reach the card",
                 "install the vendor's host driver for this kernel, and reboot"},
    finding_kind{"driver.no-node", severity::error,
                 "the driver is loaded, but has not created its device file",
                 "no program can reach the card; it did not answer the driver",
                 "check the kernel log (dmesg), then power-cycle the machine"},
    finding_kind{"driver.not-permitted", severity::warning, "you have no access to the device file",
                 "a runtime started by this user can't reach the card",
                 "run Corral as its system service, or give the user access with a udev rule"},
};

bool is_wanted(const examination& box, const catalog::device_host& host) {
    return std::ranges::any_of(box.models, [&](const model_view& model) {
        return model.entry.runtime.device.host.pci == host.pci &&
               std::ranges::any_of(model.services,
                                   [](const service_view& service) { return service.rules.device; });
    });
}

// A tool that shows a card is the better witness.
bool is_shown(const examination& box, const catalog::device_host& host) {
    return std::ranges::any_of(box.devices, [&](const device_view& device) {
        return device.said.host.pci == host.pci && device.look.problem == device::look_problem::none &&
               !device.look.report.cards.empty();
    });
}

void look_at_driver(const examination& box, const catalog::device_host& host, const std::string& card,
                    findings& out) {
    std::error_code unreadable;
    if (!host.module.empty() &&
        !std::filesystem::exists(below(box.around.root, "/sys/module/" + host.module), unreadable)) {
        say(out, driver_kinds[1], "the device",
            "the card " + card + " is on the PCI bus, but its driver, the kernel module " + host.module +
                ", is not loaded",
            host.driver_advice);
        return;
    }
    if (host.node.empty()) {
        return;
    }
    const auto node = below(box.around.root, host.node);
    if (!std::filesystem::exists(node, unreadable)) {
        say(out, driver_kinds[2], "the device",
            "the driver " + host.module + " is loaded, but there is no " + host.node);
    } else if (::access(node.c_str(), R_OK | W_OK) != 0) {
        say(out, driver_kinds[3], "the device", "you may not read and write " + host.node);
    }
}

void check_driver(const examination& box, findings& out) {
    if (box.around.machine.is_board) {
        return;  // the accelerator is this machine
    }
    std::set<std::string> seen;
    for (const catalog::device_template& each : box.accelerators) {
        const catalog::device_host& host = each.host;
        if (host.pci.empty() || !seen.insert(host.pci).second) {
            continue;
        }
        const auto cards = cards_on_bus(box.around.root, host.pci);
        if (!cards.empty()) {
            look_at_driver(box, host, cards.front().address, out);
        } else if (is_wanted(box, host) && !is_shown(box, host)) {
            const bool bus = has_pci_bus(box.around.root);
            say(out, driver_kinds[0], "the device",
                bus ? "no card " + host.pci + " is on the PCI bus"
                    : "no PCI bus is visible here, so no card " + host.pci + " either");
        }
    }
}

}  // namespace

const check driver_check{"driver", "the accelerator's card on the PCI bus, its driver and its device file",
                         start_part::none, driver_kinds, check_driver};

}  // namespace corral::doctor
