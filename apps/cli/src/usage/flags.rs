//! Every flag of the older programs, command by command: taken, or refused with what to do in its place.

use super::tests::told;
use crate::args;

/// A command; its flags that are taken; its flags that are refused. A value stands behind `=`, another spelling behind `|`.
const TABLE: [(&str, &str, &str); 35] = [
    (
        "add cv",
        "--create -c -f|--force -F=x|--file=x -t=tgz|--type=tgz --templater=go --addenv -s=x|--settings=x -v=1.0|--version=1.0 \
         -C|--complete -R|--replace --skip-digest-generation --dry-run --lookup=x -O=x&--dry-run",
        "-S=v2|--scheme=v2 -V|--copy-resources -L|--copy-local-resources -P|--preserve-signature --uploader=x",
    ),
    (
        "add component-version",
        "-r=x|--repository=x -c=x|--constructor=x --concurrency-limit=2 --component-version-conflict-policy=skip \
         --external-component-version-copy-policy=skip --skip-reference-digest-processing -o=ndjson|--output=ndjson",
        "--blob-cache-directory=x --display-mode=live",
    ),
    (
        "get cv",
        "--repo=x --lookup=x -c=1|--constraints=1 --latest -r|--recursive -o=wide|--output=wide -S=v2|--scheme=v2",
        "-s=x|--sort=x",
    ),
    ("get component-version", "--semver-constraint=1 --recursive=-1 -o=tree|--output=ndjson", "--display-mode=live"),
    (
        "get resources",
        "--repo=x --lookup=x -c=1|--constraints=1 --latest -r|--recursive -o=treewide|--output=wide",
        "-s=x|--sort=x",
    ),
    (
        "get sources",
        "--repo=x --lookup=x -c=1|--constraints=1 --latest -r|--recursive -o=treewide|--output=wide",
        "-s=x|--sort=x",
    ),
    (
        "get references",
        "--repo=x --lookup=x -c=1|--constraints=1 --latest -r|--recursive -o=treewide|--output=wide",
        "-s=x|--sort=x",
    ),
    ("get artifacts", "-o=json|--output=yaml", "-s=x|--sort=x"),
    ("get config", "-o=json|--output=json", "-O=x|--outfile=x"),
    ("get credentials", "", "-m=x|--matcher=x -s|--sloppy"),
    (
        "list cv",
        "--repo=x --lookup=x -c=1|--constraints=1 --latest -o=json|--output=json",
        "-s=x|--sort=x -S=v2|--scheme=v2",
    ),
    ("show versions", "--repo=x -l|--latest -s|--semantic", ""),
    ("show tags", "--repo=x -l|--latest -s|--semver -o|--semantic", ""),
    (
        "transfer ctf",
        "-V|--copy-resources -L|--copy-local-resources --copy-sources -r|--recursive --lookup=x -f|--overwrite --enforce --no-update \
         -N=x|--omit-access-types=x -t=tgz|--type=tgz",
        "-E|--stop-on-existing --uploader=x --script=x -s=x|--scriptFile=x",
    ),
    (
        "transfer cv",
        "-V|--copy-resources -L|--copy-local-resources --copy-sources -r|--recursive --lookup=x -f|--overwrite --enforce --no-update \
         -N=x|--omit-access-types=x -t=tgz|--type=tgz -c=1|--constraints=1 --latest --repo=x -B=x|--bom-file=x --disable-uploads",
        "-E|--stop-on-existing --uploader=x --script=x -s=x|--scriptFile=x",
    ),
    (
        "transfer component-version",
        "-o=json|--output=yaml --dry-run -u=ociArtifact|--upload-as=localBlob --transfer-spec=x --semver-constraint=1",
        "",
    ),
    ("transfer componentarchive", "-f|--overwrite -t=tgz|--type=tgz --lookup=x", "--uploader=x"),
    ("transfer artifact", "-R|--repo-name", ""),
    ("download cv", "-O=x|--outfile=x -t=tgz|--type=tgz --repo=x", ""),
    (
        "download resources",
        "-O=x|--outfile=x -r|--recursive --latest -c=1|--constraints=1 -t=x|--type=x -d|--download-handlers --oci-layout --verify \
         --lookup=x --repo=x",
        "--downloader=x -x|--executable --check-verified --verified=x",
    ),
    ("download resource", "--identity=name=x --output=x --transformer=helm --extraction-policy=disable", ""),
    (
        "download sources",
        "-O=x|--outfile=x -r|--recursive --latest -c=1|--constraints=1 -t=x|--type=x --lookup=x --repo=x",
        "",
    ),
    ("download artifact", "-O=x|--outfile=x -t=tgz|--type=tgz --oci-layout", "--layers=0 --dirtree --repo=x"),
    (
        "download plugin",
        "--resource-version=1 --output=x -f=json|--output-format=yaml --extra-identity=a=b --skip-validation --plugin-type=x",
        "",
    ),
    (
        "sign cv",
        "-s=x|--signature=x -K=x|--private-key=x -k=x|--public-key=x --ca-cert=x -I=x|--issuer=x -S=RSASSA-PSS|--algorithm=RSASSA-PSS \
         -N=x|--normalization=x -H=SHA-256|--hash=SHA-256 -R|--recursive|--recursively --keyless --lookup=x -c=1|--constraints=1 \
         --latest --repo=x",
        "",
    ),
    ("sign component-version", "--normalisation=x --hash=SHA-512 --force --dry-run -o=yaml|--output=json", ""),
    ("sign hash", "-S=x|--algorithm=x --publicKey=x --ca-cert=x", ""),
    (
        "verify cv",
        "-s=x|--signature=x -k=x|--public-key=x --ca-cert=x -I=x|--issuer=x --keyless -L|--local -V|--verify --lookup=x \
         -c=1|--constraints=1 --latest --repo=x --verifier-spec=x --concurrency-limit=2",
        "--check-verified --verified=x",
    ),
    (
        "hash cv",
        "-N=x|--normalization=x -H=x|--hash=x -O=x|--outfile=x -o=norm|--output=norm --actual -U|--update -V|--verify -r|--recursive \
         --lookup=x --repo=x -c=1|--constraints=1 --latest",
        "-S=v2|--scheme=v2 -s=x|--sort=x",
    ),
    (
        "check cv",
        "-R|--local-resources -S|--local-sources --fail-on-error -o=wide|--output=wide --repo=x -c=1|--constraints=1 --latest",
        "-s=x|--sort=x",
    ),
    (
        "create rsakeypair",
        "--ca --ca-key=x&--ca-cert=x --root-certs=x&--ca-key=x&--ca-cert=x --validity=1h -E|--encrypt -e=x|--encryptionKey=x",
        "",
    ),
    ("create ctf", "-f|--force -t=tgz|--type=tgz", ""),
    ("describe types", "-o=markdown|--output=jsonschema --table-style=x --show-paths", ""),
    ("version", "-f=json|--format=json", ""),
    (
        "",
        "--config=x --loglevel=info --logformat=json --logoutput=stdout --temp-folder=x --working-directory=x --plugin-directory=x \
         --plugin-shutdown-timeout=1s",
        "-X=a=b|--attribute=a=b --config-set=x -C=x|--cred=x -l=info -L=x|--logfile=x --logkeys=x --logconfig=x --logJson -v \
         -k=x|--public-key=x -K=x|--private-key=x -I=x|--issuer=x --ca-cert=x",
    ),
];

/// The command line of a cell: a command in front of its flags, a flag of no command in front of one.
fn line(command: &str, flags: &str) -> Vec<String> {
    let flags = flags.split('&').flat_map(|flag| match flag.split_once('=') {
        Some((name, value)) if name.starts_with("--") && value.starts_with('-') => vec![flag.to_owned()],
        Some((name, value)) => vec![name.to_owned(), value.to_owned()],
        None => vec![flag.to_owned()],
    });
    let flags: Vec<String> = flags.collect();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match command {
        "" => [flags, words("get cv a")].concat(),
        "version" | "get config" | "describe types" => [words(command), flags].concat(),
        "download resource" | "download artifact" | "download plugin" | "show tags" | "create ctf" => {
            [words(command), flags, words("a")].concat()
        }
        "sign hash" => [words(command), flags, words("key SHA-256:00")].concat(),
        _ => [words(command), flags, words("a b")].concat(),
    }
}

fn cells(flags: &str) -> impl Iterator<Item = &str> {
    flags.split_whitespace().flat_map(|spellings| spellings.split('|'))
}

#[test]
fn every_flag_is_taken_or_refused_with_what_to_do() {
    let mut wrong = Vec::new();
    for (command, taken, refused) in TABLE {
        for cell in cells(taken) {
            if let Err(error) = args::parse(line(command, cell), None) {
                wrong.push(format!("{command} {cell}: {}", error.to_string().lines().next().unwrap_or_default()));
            }
        }
        for cell in cells(refused) {
            let told = told(&line(command, cell));
            if !told.contains("the older program has this flag") {
                wrong.push(format!("{command} {cell} is not refused with what to do: {told}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
