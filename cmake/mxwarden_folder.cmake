# What every folder of the project has in common.
#
# mxwarden_folder(NAME) makes the library mxwarden_NAME of all .cpp files in the folder NAME, and in the folders in it, but
# main.cpp. Its headers are written
# "NAME/file.hpp" and are found only by targets that link the library: the include path is a folder of the build
# tree that holds nothing but a link to the sources of NAME. So an include against the direction of the layers
# (base <- conf, store <- policy <- server) does not compile.

add_library(mxwarden_flags INTERFACE)
target_compile_features(mxwarden_flags INTERFACE cxx_std_20)
target_compile_options(mxwarden_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror -fno-omit-frame-pointer)
target_compile_definitions(mxwarden_flags INTERFACE
  MXWARDEN_VERSION="${PROJECT_VERSION}"
  # Asio is compiled once, in store/asio.cpp, and used from one thread.
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
if(MXWARDEN_SANITIZE)
  # Not vptr: it takes objects of Debian's libfmt and libspdlog, which hide their type information, for broken ones.
  target_compile_options(mxwarden_flags INTERFACE
    -fsanitize=${MXWARDEN_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all
    # GCC's flow analysis does not see through the sanitizers' checks (GCC manual, -fsanitize).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(mxwarden_flags INTERFACE -fsanitize=${MXWARDEN_SANITIZE} -fno-sanitize=vptr)
endif()

function(mxwarden_folder name)
  set(include ${CMAKE_BINARY_DIR}/include/${name})
  file(MAKE_DIRECTORY ${include})
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${name} ${include}/${name} SYMBOLIC)
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${name}/*.cpp ${PROJECT_SOURCE_DIR}/${name}/*/*.cpp)
  list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
  add_library(mxwarden_${name} STATIC ${sources})
  target_include_directories(mxwarden_${name} PUBLIC ${include})
  target_link_libraries(mxwarden_${name} PUBLIC mxwarden_flags)
endfunction()
