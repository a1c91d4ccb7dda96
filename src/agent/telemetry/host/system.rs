//! Names and versions of the machine and its system.

use std::fs;

use serde::Serialize;

use super::runtime::hostname;

/// The machine, with the keys of gopsutil's `InfoStat`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SystemFacts {
    /// The host's name.
    pub hostname: String,
    /// Seconds since the machine was started.
    pub uptime: u64,
    /// When it was started, in Unix seconds.
    #[serde(rename = "bootTime")]
    pub boot_time: u64,
    /// How many processes run.
    pub procs: u64,
    /// `linux`.
    pub os: String,
    /// The distribution, such as `debian`.
    pub platform: String,
    /// The distribution's family, such as `debian` for Ubuntu.
    #[serde(rename = "platformFamily")]
    pub platform_family: String,
    /// The distribution's version.
    #[serde(rename = "platformVersion")]
    pub platform_version: String,
    /// The kernel's release.
    #[serde(rename = "kernelVersion")]
    pub kernel_version: String,
    /// The machine's architecture as `uname -m` gives it.
    #[serde(rename = "kernelArch")]
    pub kernel_arch: String,
    /// Which virtualization, such as `kvm` or `docker`; often unknown.
    #[serde(rename = "virtualizationSystem")]
    pub virtualization_system: String,
    /// `guest` or `host`.
    #[serde(rename = "virtualizationRole")]
    pub virtualization_role: String,
    /// The machine's id as a UUID.
    pub hostid: String,
}

/// Reads what there is; what there is not stays empty.
pub(super) fn gather() -> SystemFacts {
    let (platform, platform_version) =
        platform(&read("/etc/os-release"), &read("/etc/debian_version"));
    let (system, role) = virtualization(
        &read("/proc/modules"),
        &read("/proc/cpuinfo"),
        &read("/proc/bus/pci/devices"),
        &read("/proc/self/cgroup"),
    );
    SystemFacts {
        hostname: hostname(),
        uptime: uptime(&read("/proc/uptime")),
        boot_time: boot_time(&read("/proc/stat")),
        procs: processes(),
        os: std::env::consts::OS.to_owned(),
        platform_family: family(&platform).to_owned(),
        platform,
        platform_version,
        kernel_version: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        kernel_arch: std::env::consts::ARCH.to_owned(),
        virtualization_system: system.to_owned(),
        virtualization_role: role.to_owned(),
        hostid: host_id(
            &read("/sys/class/dmi/id/product_uuid"),
            &read("/etc/machine-id"),
            &read("/proc/sys/kernel/random/boot_id"),
        ),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// `2914.04 3504.18`: seconds up, seconds idle.
fn uptime(text: &str) -> u64 {
    text.split(['.', ' '])
        .next()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(0)
}

/// The line `btime 1795172588`.
fn boot_time(stat: &str) -> u64 {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))
        .and_then(|seconds| seconds.trim().parse().ok())
        .unwrap_or(0)
}

/// Folders of /proc whose names are numbers.
fn processes() -> u64 {
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_number))
        .count() as u64
}

/// The distribution and its version. Debian writes its point release in a file of its own.
fn platform(os_release: &str, debian_version: &str) -> (String, String) {
    let value = |key: &str| {
        os_release
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.trim_matches('"').to_owned())
            .unwrap_or_default()
    };
    let (id, version) = (value("ID"), value("VERSION_ID"));
    let debian = debian_version.trim();
    if id == "debian" && !debian.is_empty() {
        (id, debian.to_owned())
    } else {
        (id, version)
    }
}

/// gopsutil's families of distributions.
fn family(platform: &str) -> &str {
    match platform {
        "debian" | "ubuntu" | "linuxmint" | "raspbian" => "debian",
        "fedora" => "fedora",
        "oracle"
        | "ol"
        | "centos"
        | "redhat"
        | "rhel"
        | "scientific"
        | "enterpriseenterprise"
        | "amzn"
        | "amazon"
        | "xenserver"
        | "cloudlinux"
        | "ibm_powerkvm"
        | "rocky"
        | "almalinux" => "rhel",
        "suse" | "opensuse" | "opensuse-leap" | "opensuse-tumbleweed" | "sles" => "suse",
        "gentoo" => "gentoo",
        "slackware" => "slackware",
        "arch" | "manjaro" => "arch",
        "exherbo" => "exherbo",
        "alpine" => "alpine",
        "coreos" => "coreos",
        _ => "",
    }
}

/// What the usual signs say, in gopsutil's order: later signs add what earlier ones left open.
fn virtualization(
    modules: &str,
    cpuinfo: &str,
    pci: &str,
    cgroup: &str,
) -> (&'static str, &'static str) {
    let (mut system, mut role) = ("", "");
    let signs = [
        (
            modules.lines().any(|line| line.starts_with("kvm")),
            "kvm",
            "host",
        ),
        (
            modules.lines().any(|line| line.starts_with("vboxdrv")),
            "vbox",
            "host",
        ),
        (
            modules.lines().any(|line| line.starts_with("vboxguest")),
            "vbox",
            "guest",
        ),
        (cpuinfo.contains("QEMU Virtual CPU"), "kvm", "guest"),
        (pci.contains("virtio-pci"), "", "guest"),
        (cgroup.contains("lxc"), "lxc", "guest"),
        (cgroup.contains("docker"), "docker", "guest"),
    ];
    for (seen, name, side) in signs {
        if seen {
            system = if name.is_empty() { system } else { name };
            role = side;
        }
    }
    (system, role)
}

/// The hardware's id, or the installation's with dashes put in, or that of this start.
fn host_id(product: &str, machine: &str, boot: &str) -> String {
    let machine = machine.trim();
    if !product.trim().is_empty() {
        product.trim().to_lowercase()
    } else if machine.len() == 32 && machine.is_ascii() {
        let parts = [
            &machine[..8],
            &machine[8..12],
            &machine[12..16],
            &machine[16..20],
            &machine[20..],
        ];
        parts.join("-")
    } else {
        boot.trim().to_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_has_its_point_release() {
        let release = "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n";
        assert_eq!(
            platform(release, "12.11\n"),
            ("debian".to_owned(), "12.11".to_owned())
        );
        let release = "ID=ubuntu\nVERSION_ID=\"22.04\"\n";
        assert_eq!(platform(release, "bookworm/sid\n").1, "22.04");
        assert_eq!((family("ubuntu"), family("unheard-of")), ("debian", ""));
    }

    #[test]
    fn ids_in_the_order_of_their_worth() {
        let machine = "3d1219c7c4c5404aaa1f6d2a48adfda4\n";
        assert_eq!(host_id("ABC\n", machine, "b"), "abc");
        assert_eq!(
            host_id("", machine, "b"),
            "3d1219c7-c4c5-404a-aa1f-6d2a48adfda4"
        );
        assert_eq!(host_id("", "short", "B\n"), "b");
    }

    #[test]
    fn times_are_read() {
        assert_eq!(uptime("2914.04 3504.18\n"), 2914);
        assert_eq!(boot_time("cpu 1 2\nbtime 1795172588\n"), 1_795_172_588);
        assert_eq!((uptime(""), boot_time("btime x")), (0, 0));
    }

    #[test]
    fn signs_of_virtualization_add_up() {
        assert_eq!(virtualization("", "", "x virtio-pci\n", ""), ("", "guest"));
        assert_eq!(virtualization("kvm_intel 1\n", "", "", ""), ("kvm", "host"));
        assert_eq!(
            virtualization("kvm 1\n", "", "virtio-pci", "1:/docker/x"),
            ("docker", "guest")
        );
        assert_eq!(virtualization("", "", "", ""), ("", ""));
    }
}
