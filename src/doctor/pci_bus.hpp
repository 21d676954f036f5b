#pragma once
// Cards on the PCI bus, by /sys.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace corral::doctor {

// A card's link to its slot; empty texts where the kernel does not say. Speeds as the kernel writes them,
// "8.0 GT/s PCIe", widths "4".
struct pci_link {
    std::string address;  // "0000:01:00.0"
    std::string speed;
    std::string width;
    std::string most_speed;       // of the card
    std::string most_width;       //
    std::string slot_most_speed;  // of the port that it is plugged into
    std::string slot_most_width;
};

// True where the kernel lists PCI devices at all: a container or another bus may not.
[[nodiscard]] bool has_pci_bus(const std::filesystem::path& root);
// `pci`: "1f4b:0650", vendor and device.
[[nodiscard]] std::vector<pci_link> cards_on_bus(const std::filesystem::path& root, std::string_view pci);

}  // namespace corral::doctor
