#pragma once
// A box in a temporary folder: its /proc, /sys, /dev and /etc are files that a test writes.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "corral/doctor/doctor.hpp"

namespace corral::doctor {

class fake_box : public ::testing::Test {
protected:
    fake_box() {
        char name[] = "/tmp/corral_doctor_XXXXXX";
        root = ::mkdtemp(name);
        of.around.root = root;
        of.around.listeners = [this](std::uint16_t port) {
            std::vector<process::listening_socket> rows;
            std::copy_if(listeners.begin(), listeners.end(), std::back_inserter(rows),
                         [port](const auto& row) { return row.port == port; });
            return rows;
        };
        of.around.is_ours = [this](pid_t pid) { return ours.contains(pid); };
        of.around.is_kept = [this](pid_t pid) { return kept.contains(pid); };
        of.around.lives = [this](pid_t pid) { return !dead.contains(pid); };
        of.around.now = std::chrono::sys_days{std::chrono::year{2026} / 1 / 31};
        of.around.user = 1000;
        of.around.most_descriptors = 1'048'576;
        of.around.free_bytes = [this](const std::filesystem::path&) { return free_bytes; };
    }
    ~fake_box() override {
        std::error_code ignored_on_teardown;
        std::filesystem::remove_all(root, ignored_on_teardown);
    }

    std::filesystem::path write(const std::string& path, const std::string& text) {
        const auto file = root / std::filesystem::path(path).relative_path();
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

    // A card behind a port of the bus, as /sys shows both.
    void plug_card(const std::string& speed, const std::string& width,
                   const std::string& slot_speed = "8.0 GT/s PCIe", const std::string& slot_width = "4") {
        const std::string port = "/sys/devices/pci0000:00/0000:00:00.0";
        const std::string card = port + "/0000:01:00.0";
        write(port + "/max_link_speed", slot_speed + "\n");
        write(port + "/max_link_width", slot_width + "\n");
        write(card + "/vendor", "0x1f4b\n");
        write(card + "/device", "0x0650\n");
        write(card + "/current_link_speed", speed + "\n");
        write(card + "/current_link_width", width + "\n");
        write(card + "/max_link_speed", "8.0 GT/s PCIe\n");
        write(card + "/max_link_width", "4\n");
        std::filesystem::create_directories(root / "sys/bus/pci/devices");
        std::filesystem::create_symlink("../../../devices/pci0000:00/0000:00:00.0/0000:01:00.0",
                                        root / "sys/bus/pci/devices/0000:01:00.0");
    }

    static catalog::device_template accelerator() {
        catalog::device_template out;
        out.format = "axcl-smi";
        out.command = {"axcl-smi"};
        out.advice = "restart the card";
        out.host.pci = "1f4b:0650";
        out.host.module = "axcl_host";
        out.host.node = "/dev/axcl_host";
        out.host.driver_advice = "install the driver";
        out.host.settings = "/usr/bin/axcl/axcl.json";
        out.host.dma_key = "dma buf size";
        out.host.dma_kb = 4096;
        out.host.dma_count = 3;
        out.host.hot = 85;
        out.host.kernel_lines = {{": dead!", "The driver has lost the card.", "restart it", false}};
        return out;
    }

    // A model with a runtime that needs the device, in a package folder of this box.
    model_view& add_model(const std::string& name = "sim:latest") {
        model_view model;
        model.entry.name = name;
        model.entry.package = root / "package";
        model.entry.runtime.device = accelerator();
        std::filesystem::create_directories(model.entry.package);
        service_view runtime;
        runtime.rules.name = "runtime";
        runtime.rules.device = true;
        runtime.rules.guard = catalog::guard_mode::off;
        runtime.command.command = {"/bin/true"};
        model.services.push_back(std::move(runtime));
        of.accelerators.push_back(model.entry.runtime.device);
        of.models.push_back(std::move(model));
        return of.models.back();
    }

    configuration_view& configured() {
        configuration_view said;
        said.file = root / "etc/corral/corral.toml";
        said.there = true;
        said.known = true;
        said.address = "127.0.0.1";
        said.port = 11434;
        of.configuration = said;
        return *of.configuration;
    }

    // What the examination says, "error port.taken" each, without what is always there.
    std::vector<std::string> found() {
        std::vector<std::string> out;
        static const std::set<std::string> always{"device.none", "memory.host", "pcie.card"};
        for (const catalog::finding& one : examine(of)) {
            if (!one.id.starts_with("daemon.") && !always.contains(one.id)) {
                out.push_back(std::string(catalog::severity_name(one.level)) + " " + one.id);
            }
        }
        return out;
    }
    catalog::finding the(const std::string& id) {
        for (const catalog::finding& one : examine(of)) {
            if (one.id == id) {
                return one;
            }
        }
        ADD_FAILURE() << "there is no finding " << id;
        return {};
    }

    std::filesystem::path root;
    examination of;
    std::vector<process::listening_socket> listeners;
    std::set<pid_t> ours;
    std::set<pid_t> kept;  // by another Corral
    std::set<pid_t> dead;
    std::uint64_t free_bytes = UINT64_MAX;
};

}  // namespace corral::doctor
