"""A preview as the one comment of its stack on a pull request, on GitHub and on Azure DevOps."""

from adfkit.preview.pull_requests import azure_devops, github
from adfkit.preview.pull_requests.azure_devops import AzureDevOps
from adfkit.preview.pull_requests.comment import Host, Outcome, marker, publish
from adfkit.preview.pull_requests.github import GitHub
from adfkit.preview.pull_requests.rest import CommentError

__all__ = ["AzureDevOps", "CommentError", "GitHub", "Host", "Outcome", "azure_devops", "github", "marker", "publish"]
