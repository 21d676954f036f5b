# What each is for, its weight and its licence: docs/dependencies.md.
find_package(Threads REQUIRED)
find_package(Boost 1.81 REQUIRED)
# Boost.URL is no longer made of headers since 1.82. Its archive, so that packages need no further library.
if(Boost_VERSION VERSION_GREATER_EQUAL 1.82)
  set(Boost_USE_STATIC_LIBS ON)
  find_package(Boost REQUIRED COMPONENTS url)
endif()
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 20)
  # It refuses what a macro of spdlog asks of fmt 10. Formats are then checked by the other compilers alone.
  add_compile_definitions(FMT_CONSTEVAL=)
endif()
find_package(CLI11 REQUIRED)
# Not by pkg-config: it would be four packages more, and its -pthread does not go with the precompiled header.
find_library(RE2_LIBRARY re2 REQUIRED)
find_library(ZSTD_LIBRARY zstd REQUIRED)
find_library(SYSTEMD_LIBRARY systemd REQUIRED)
add_library(corral_systemd INTERFACE)
target_link_libraries(corral_systemd INTERFACE "${SYSTEMD_LIBRARY}")
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

# Asio, Beast, Boost.URL and the templates that corral_precompiled.hpp declares `extern` are compiled once here instead of into
# every unit.
add_library(corral_boost STATIC "${CMAKE_SOURCE_DIR}/cmake/boost_bodies.cpp" "${CMAKE_SOURCE_DIR}/cmake/template_bodies.cpp")
target_compile_definitions(corral_boost PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_ARRAY BOOST_ASIO_DISABLE_BOOST_BIND BOOST_URL_NO_LIB)
target_link_libraries(corral_boost PUBLIC
  Boost::headers nlohmann_json::nlohmann_json spdlog::spdlog Threads::Threads $<TARGET_NAME_IF_EXISTS:Boost::url>)
