#include "doctor/pci_bus.hpp"

#include <algorithm>

#include "doctor/root_files.hpp"

namespace corral::doctor {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_devices = 4096;

fs::path devices_of(const fs::path& root) {
    return below(root, "/sys/bus/pci/devices");
}

// "0x1f4b" of the file, "1f4b" wanted.
bool is_number(const fs::path& file, std::string_view wanted) {
    const std::string line = first_line(file);
    return line.size() == wanted.size() + 2 && line.starts_with("0x") && line.ends_with(wanted);
}

pci_link read_link(const fs::path& device) {
    pci_link out;
    out.address = device.filename().string();
    out.speed = first_line(device / "current_link_speed");
    out.width = first_line(device / "current_link_width");
    out.most_speed = first_line(device / "max_link_speed");
    out.most_width = first_line(device / "max_link_width");
    // Entries are links to the place in the tree of bridges; the folder above is the port.
    std::error_code unknown;
    const fs::path place = fs::canonical(device, unknown);
    if (!unknown) {
        out.slot_most_speed = first_line(place.parent_path() / "max_link_speed");
        out.slot_most_width = first_line(place.parent_path() / "max_link_width");
    }
    return out;
}

}  // namespace

bool has_pci_bus(const fs::path& root) {
    std::error_code unreadable;
    return fs::is_directory(devices_of(root), unreadable) && !fs::is_empty(devices_of(root), unreadable);
}

std::vector<pci_link> cards_on_bus(const fs::path& root, std::string_view pci) {
    std::vector<pci_link> out;
    const auto colon = pci.find(':');
    if (colon == std::string_view::npos) {
        return out;
    }
    std::error_code unreadable;
    std::size_t seen = 0;
    for (fs::directory_iterator entry(devices_of(root), unreadable), end;
         !unreadable && entry != end && seen < most_devices; entry.increment(unreadable), ++seen) {
        if (is_number(entry->path() / "vendor", pci.substr(0, colon)) &&
            is_number(entry->path() / "device", pci.substr(colon + 1))) {
            out.push_back(read_link(entry->path()));
        }
    }
    std::ranges::sort(out, [](const pci_link& a, const pci_link& b) { return a.address < b.address; });
    return out;
}

}  // namespace corral::doctor
