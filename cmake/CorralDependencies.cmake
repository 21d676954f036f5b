find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS system filesystem url)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(systemd REQUIRED IMPORTED_TARGET libsystemd)
# Not by pkg-config: its -pthread would not go with the precompiled header.
find_library(RE2_LIBRARY re2 REQUIRED)
find_package(CLI11 REQUIRED)
# Not by its package file, which also wants what the parts need that are not used here (civetweb, curl).
find_library(PROMETHEUS_CORE_LIBRARY prometheus-cpp-core REQUIRED)
find_path(PROMETHEUS_INCLUDE_DIR prometheus/registry.h REQUIRED)
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
if(CORRAL_TESTS)
  find_package(GTest REQUIRED)
  # Debian has them in two packages that share this package file.
  if(NOT TARGET GTest::gmock)
    message(FATAL_ERROR "The tests need GoogleMock, which is not installed: run tools/install_packages test, or configure with -DCORRAL_TESTS=OFF")
  endif()
endif()

# Asio and Beast are compiled once here instead of into every translation unit.
add_library(corral_boost STATIC "${CMAKE_SOURCE_DIR}/cmake/boost_bodies.cpp")
target_compile_definitions(corral_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY BOOST_ASIO_DISABLE_BOOST_BIND)
target_link_libraries(corral_boost PUBLIC
  Boost::system Boost::filesystem Boost::url nlohmann_json::nlohmann_json Threads::Threads)
